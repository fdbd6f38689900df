import { commonLayer, fall, type Diagnosis } from "./diagnosis.ts";
import { rereadsOf } from "./hypotheses.ts";
import type { LocalLab } from "./local-lab.ts";
import { explainNonFinite } from "./non-finite.ts";
import { searchExplanations, type SearchBudget } from "./search.ts";
import { EMBEDDINGS, HEAD, tableHypotheses } from "./table-hypotheses.ts";
import { sameValues } from "./tensor-edits.ts";
import { judgeValues } from "./value-diagnosis.ts";

/** Rows of a message. */
const LISTED = 6;

/** Share of the vocabulary that a few damaged rows stay below. */
const FEW = 0.25;

/** What is wrong with lm_head: run on the golden's last states, its logits are wrong. */
export async function diagnoseHead(
  lab: LocalLab,
  before: number,
  noise: number,
  budget: SearchBudget,
): Promise<readonly Diagnosis[]> {
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
      before,
      noise,
      budget,
    );
  }
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
        cause: "row-shifted",
        tensors: [name],
        evidence: `${evidence}; ${fall(before, noise)}`,
        before,
        after: noise,
      },
    ];
  }
  const hypotheses = tableHypotheses(
    name,
    laboratory.names(),
    config.vocabSize,
    (at) => laboratory.facts(at)?.dtype,
  );
  const explained = await searchExplanations(
    hypotheses,
    lab,
    (changes) => lab.difference({ kind: "head" }, changes),
    before,
    noise,
    budget,
  );
  if (explained.length > 0) {
    return explained.map(({ hypothesis, before: from, after }) => ({
      cause: hypothesis.cause,
      tensors: hypothesis.tensors,
      ...commonLayer(hypothesis.tensors),
      evidence: `${hypothesis.mistake}; ${fall(from, after)}`,
      before: from,
      after,
    }));
  }
  const shown = await judgeValues([name], laboratory, lab.read);
  if (shown.length > 0) return shown.map((diagnosis) => ({ ...diagnosis, before }));
  const isFew = rows.length < FEW * config.vocabSize;
  return [
    {
      cause: isFew ? "corrupt" : "undetermined",
      tensors: [name],
      evidence: `the logits of ${rows.length} of ${config.vocabSize} tokens are wrong: ${rows.slice(0, LISTED).join(", ")}`,
      before,
    },
  ];
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
