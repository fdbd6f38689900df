import { fall, type Diagnosis } from "../diagnosis.ts";
import { rereadsOf } from "../hypotheses/reread-hypotheses.ts";
import { columnRelation } from "./head-columns.ts";
import { isOfRanks } from "./embedding-diagnosis.ts";
import type { LocalLab } from "./local-lab.ts";
import { explainNonFinite } from "../values/non-finite.ts";
import { withoutOldRoundings } from "../values/rounding-size.ts";
import { explained, searchExplanations, type Departure, type SearchBudget } from "./search.ts";
import { embeddingSize } from "../../../model/axes.ts";
import { EMBEDDINGS, HEAD } from "../../../model/network.ts";
import type { Claim } from "../../relate/claim.ts";
import { tableHypotheses } from "../hypotheses/table-hypotheses.ts";
import { sameValues } from "../hypotheses/tensor-edits.ts";
import { otherCap } from "./logit-cap.ts";
import { judgeValues } from "../values/value-diagnosis.ts";

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
  const cap = await otherCap(
    {
      config,
      outputs: (changed) => lab.outputs({ kind: "head" }, undefined, changed),
      difference: (changed) => lab.difference({ kind: "head" }, undefined, changed),
    },
    departure,
  );
  if (cap !== undefined) return [cap];
  if (!config.tieWordEmbeddings && sameValues(await lab.read(HEAD), await lab.read(EMBEDDINGS))) {
    const evidence = "lm_head is the same as the embeddings, though config.json does not tie them";
    const claims: readonly Claim[] = [{ tensor: HEAD, of: EMBEDDINGS, kind: "twin" }];
    return [{ cause: "tied", tensors: [HEAD], evidence, claims, before }];
  }
  const rows = await wrongRows(lab, noise);
  if (rows.length < FEW * config.vocabSize) return [await fewRows(lab, rows, before)];
  const shift = rows.length > 1 ? await shiftOfColumns(lab, noise) : undefined;
  if (shift !== undefined) {
    const { distance, tokens } = shift;
    const evidence = `the logits of ${tokens} of ${config.vocabSize} tokens v stand at v ${distance > 0 ? "+" : "−"} ${Math.abs(distance)}`;
    return [
      {
        cause: isOfRanks(distance, config.vocabSize) ? "rank-order" : "row-shifted",
        tensors: [name],
        evidence: `${evidence}, within ${noise.toExponential(1)}`,
        claims: [
          {
            tensor: name,
            kind: "shifted-rows",
            distance,
            atLeast: Math.floor(NEARLY * tokens),
          },
        ],
        before,
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
  if (columns !== undefined) {
    const { statement, ...found } = columns;
    const claims: readonly Claim[] = [{ tensor: name, ...statement }];
    return [{ ...found, tensors: [name], claims, before }];
  }
  if (config.tieWordEmbeddings) return [tiedWrongly(before)];
  const shown = await withoutOldRoundings(await judgeValues([name], laboratory, lab.read), {
    read: lab.read,
    before,
    moved: (changes) => lab.moved({ kind: "head" }, changes),
  });
  if (shown.length > 0) return shown.map((diagnosis) => ({ ...diagnosis, before }));
  return [
    {
      cause: "undetermined",
      tensors: [name],
      evidence: `the logits of ${rows.length} of ${config.vocabSize} tokens are wrong: ${rows.slice(0, LISTED).join(", ")}`,
      before,
    },
  ];
}

/** A few rows are wrong, and all others right. */
async function fewRows(lab: LocalLab, rows: readonly number[], before: number): Promise<Diagnosis> {
  const { laboratory } = lab;
  // A tied head is stored as the embeddings.
  const isTied = laboratory.facts(HEAD) === laboratory.facts(EMBEDDINGS);
  const name = isTied ? EMBEDDINGS : HEAD;
  const table = await lab.read(HEAD);
  const width = embeddingSize(laboratory.config);
  const isLost = rows.every((row) =>
    table.data.subarray(row * width, (row + 1) * width).every((value) => value === 0),
  );
  const listed = rows.slice(0, LISTED).join(", ") + (rows.length > LISTED ? " and more" : "");
  const claims: readonly Claim[] = [{ tensor: name, kind: "rows-differ", rows, all: false }];
  const lost = ", whose rows are zeros";
  return {
    cause: "corrupt",
    tensors: [name],
    evidence: `the logits of ${rows.length} of ${laboratory.config.vocabSize} tokens are wrong${isLost ? lost : ""}: ${listed}`,
    claims: isLost
      ? [
          ...claims,
          {
            tensor: name,
            kind: "in-rows",
            rows,
            others: rows,
            statement: { kind: "constant", value: 0 },
          },
        ]
      : claims,
    before,
  };
}

/** config.json ties lm_head to the embeddings, while the file has another one that fits. */
async function needlessTie(
  lab: LocalLab,
  { before, noise }: Departure,
): Promise<Diagnosis | undefined> {
  const { config } = lab.laboratory;
  const isStored = lab.laboratory.facts(HEAD) !== lab.laboratory.facts(EMBEDDINGS);
  if (!config.tieWordEmbeddings || !isStored) return undefined;
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
async function shiftOfColumns(
  lab: LocalLab,
  noise: number,
): Promise<{ readonly distance: number; readonly tokens: number } | undefined> {
  const vocab = lab.laboratory.config.vocabSize;
  const [output] = await lab.outputs({ kind: "head" });
  if (output === undefined) return undefined;
  const { ours, reference } = output;
  const rows = reference.length / vocab;
  const fitting = (shift: number): number | undefined => {
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
    return seen > 0 && good >= SHIFTED_SHARE * seen ? good : undefined;
  };
  for (let distance = 1; distance <= Math.min(MAX_SHIFT, vocab / 2); distance++) {
    for (const signed of [distance, -distance]) {
      const tokens = fitting(signed);
      if (tokens !== undefined) return { distance: signed, tokens };
    }
  }
  return undefined;
}

/** Share of the vocabulary that a shift must explain: it may begin at some row. */
const SHIFTED_SHARE = 0.4;
const MAX_SHIFT = 256;

/** Share of rows found by their logits that are the rows themselves: others may be near. */
const NEARLY = 0.9;
