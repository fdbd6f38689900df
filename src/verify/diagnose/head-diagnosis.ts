import { fall, type Diagnosis } from "./diagnosis.ts";
import { rereadsOf } from "./reread-hypotheses.ts";
import { columnRelation } from "./head-columns.ts";
import { isOfRanks } from "./embedding-diagnosis.ts";
import type { LocalLab } from "./local-lab.ts";
import { explainNonFinite } from "./non-finite.ts";
import { explained, searchExplanations, type Departure, type SearchBudget } from "./search.ts";
import { EMBEDDINGS, HEAD } from "../../model/network.ts";
import { tableHypotheses } from "./table-hypotheses.ts";
import { sameValues } from "./tensor-edits.ts";
import { judgeValues } from "./value-diagnosis.ts";

/** Rows of a message. */
const LISTED = 6;

/** Share of the vocabulary that a few damaged rows stay below. */
const FEW = 0.25;

/** What is wrong with lm_head: run on the golden's last states, its logits are wrong. */
export async function diagnoseHead(
  lab: LocalLab,
  departure: Departure,
  budget: SearchBudget,
): Promise<readonly Diagnosis[]> {
  const { before, noise } = departure;
  const { laboratory } = lab;
  const { config } = laboratory;
  const name = config.tieWordEmbeddings && laboratory.facts(HEAD) === undefined ? EMBEDDINGS : HEAD;
  const nonFinite = await judgeValues([name], laboratory, lab.read, ["non-finite"]);
  if (nonFinite.length > 0) {
    const rereadings = rereadsOf([name], (at) => laboratory.facts(at)?.dtype);
    return explainNonFinite(
      nonFinite,
      rereadings,
      lab,
      (changes) => lab.difference({ kind: "head" }, changes),
      departure,
      budget,
    );
  }
  const tie = await needlessTie(lab, departure);
  if (tie !== undefined) return [tie];
  if (!config.tieWordEmbeddings && sameValues(await lab.read(HEAD), await lab.read(EMBEDDINGS))) {
    const evidence = "lm_head is the same as the embeddings, though config.json does not tie them";
    return [{ cause: "tied", tensors: [HEAD], evidence, before }];
  }
  const rows = await wrongRows(lab, noise);
  const shift = rows.length > 1 ? await shiftOfColumns(lab, noise) : undefined;
  if (shift !== undefined) {
    const evidence = `the logit of token v stands at v ${shift > 0 ? "+" : "−"} ${Math.abs(shift)}`;
    return [
      {
        cause: isOfRanks(shift, config.vocabSize) ? "rank-order" : "row-shifted",
        tensors: [name],
        evidence: `${evidence}; ${fall(before, noise)}`,
        before,
        after: noise,
      },
    ];
  }
  // Of the two tables this one alone is measured here: where the embeddings are wrong, too, they were exchanged.
  const areEmbeddingsRight = (await lab.difference({ kind: "embeddings" })) === 0;
  const hypotheses = tableHypotheses(
    name,
    laboratory.names(),
    config.vocabSize,
    (at) => laboratory.facts(at)?.dtype,
  ).filter(({ cause }) => cause !== (areEmbeddingsRight ? "swapped" : "tied"));
  const explanations = await searchExplanations(
    hypotheses,
    lab,
    (changes) => lab.difference({ kind: "head" }, changes),
    departure,
    budget,
  );
  if (explanations.length > 0) return explanations.map(explained);
  const columns = await columnRelation(lab, noise);
  if (columns !== undefined) return [{ ...columns, tensors: [name], before }];
  const isFew = rows.length < FEW * config.vocabSize;
  if (config.tieWordEmbeddings && !isFew) return [tiedWrongly(before)];
  const shown = await judgeValues([name], laboratory, lab.read);
  if (shown.length > 0) return shown.map((diagnosis) => ({ ...diagnosis, before }));
  return [
    {
      cause: isFew ? "corrupt" : "undetermined",
      tensors: [name],
      evidence: `the logits of ${rows.length} of ${config.vocabSize} tokens are wrong: ${rows.slice(0, LISTED).join(", ")}`,
      before,
    },
  ];
}

/** config.json ties lm_head to the embeddings, while the file has another one that fits. */
async function needlessTie(
  lab: LocalLab,
  { before, noise }: Departure,
): Promise<Diagnosis | undefined> {
  const { config } = lab.laboratory;
  if (!config.tieWordEmbeddings) return undefined;
  const untied = { ...config, tieWordEmbeddings: false };
  const after = await lab.difference({ kind: "head" }, undefined, untied);
  if (!(after <= noise)) return undefined;
  const evidence = `tie_word_embeddings is true; with the lm_head that the file has ${fall(before, after)}`;
  return { cause: "config-mismatch", tensors: [], evidence, before, after };
}

/** The embeddings serve as lm_head by config.json, and are not what the golden was made with. */
function tiedWrongly(before: number): Diagnosis {
  const evidence =
    "config.json makes the embeddings serve as lm_head; on the golden's own last states their logits are not the golden's";
  return { cause: "tied", tensors: [HEAD], evidence, before };
}

/** Tokens whose logit is wrong anywhere. */
async function wrongRows(lab: LocalLab, noise: number): Promise<readonly number[]> {
  const vocab = lab.laboratory.config.vocabSize;
  const wrong = new Set<number>();
  for (const { ours, reference } of await lab.outputs({ kind: "head" })) {
    for (let index = 0; index < reference.length; index++) {
      const difference = Math.abs((ours[index] ?? Number.NaN) - (reference[index] ?? Number.NaN));
      if (!(difference <= noise)) wrong.add(index % vocab);
    }
  }
  return [...wrong].sort((left, right) => left - right);
}

/** The distance at which nearly all logits of the golden are found again among ours. */
async function shiftOfColumns(lab: LocalLab, noise: number): Promise<number | undefined> {
  const vocab = lab.laboratory.config.vocabSize;
  const [output] = await lab.outputs({ kind: "head" });
  if (output === undefined) return undefined;
  const { ours, reference } = output;
  const rows = reference.length / vocab;
  const fits = (shift: number): boolean => {
    let [good, seen] = [0, 0];
    for (let token = Math.max(0, -shift); token < Math.min(vocab, vocab - shift); token++) {
      seen++;
      let isGood = true;
      for (let row = 0; row < rows && isGood; row++) {
        const difference =
          (ours[row * vocab + token + shift] ?? Number.NaN) -
          (reference[row * vocab + token] ?? Number.NaN);
        isGood = Math.abs(difference) <= noise;
      }
      if (isGood) good++;
    }
    return seen > 0 && good >= SHIFTED_SHARE * seen;
  };
  for (let distance = 1; distance <= Math.min(MAX_SHIFT, vocab / 2); distance++) {
    if (fits(distance)) return distance;
    if (fits(-distance)) return -distance;
  }
  return undefined;
}

/** Share of the vocabulary that a shift must explain: it may begin at some row. */
const SHIFTED_SHARE = 0.4;
const MAX_SHIFT = 256;
