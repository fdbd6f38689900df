import type { ModelConfig } from "../../model/config/model-config.ts";
import type { Golden } from "../golden/read.ts";
import { maxDifference, maxMagnitude } from "../compare/metrics.ts";
import { overrideWith, type Laboratory } from "../compare/model-runner.ts";
import { largest, logitsOn } from "../compare/run-model.ts";
import { searchConfig } from "./config-search.ts";
import { judgeCopies } from "./copies.ts";
import { layerOf } from "../../model/canonical-names.ts";
import { fall, type Diagnosis } from "./diagnosis.ts";
import type { Hypothesis, Read } from "./hypothesis.ts";
import { everywhereHypotheses, layerHypotheses } from "./hypotheses.ts";
import type { Changes } from "./local-lab.ts";
import { explainNonFinite } from "./non-finite.ts";
import { bitsReader } from "./read-bits.ts";
import { rereadHypotheses } from "./reread-hypotheses.ts";
import { explained, SearchBudget, searchExplanations } from "./search.ts";
import { EMBEDDINGS, HEAD } from "../../model/network.ts";
import { tableHypotheses } from "./table-hypotheses.ts";
import { sameValues } from "./tensor-edits.ts";
import { judgeValues } from "./value-diagnosis.ts";

/** Time for trying mistakes on the whole model, in milliseconds. */
const SEARCH_MS = 240_000;

/**
 * The golden has logits alone: the whole model is run with each mistake undone, until its logits fit.
 * @param noise What logits may differ by.
 */
export async function diagnoseFromLogits(
  laboratory: Laboratory,
  golden: Golden,
  noise: number,
): Promise<readonly Diagnosis[]> {
  const cache = new Map<string, ReturnType<Read>>();
  const read: Read = (name) => {
    const known = cache.get(name) ?? laboratory.read(name);
    cache.set(name, known);
    return known;
  };
  const names = laboratory.names();
  const measure = (changes?: Changes, config?: ModelConfig): Promise<number> =>
    logitsDifference(laboratory, golden, changes, config);
  const before = await measure();
  const scale = largest(golden.prompts.map(({ logits }) => maxMagnitude(logits)));
  const departure = { before, noise, scale };
  const budget = new SearchBudget(SEARCH_MS);
  const readers = { read, readBits: bitsReader(laboratory) };
  const nonFinite = await judgeValues(names, laboratory, read, ["non-finite"]);
  if (nonFinite.length > 0) {
    const rereadings = rereadHypotheses(names, [], (name) => dtypeIn(laboratory, name));
    return explainNonFinite(nonFinite, rereadings, readers, measure, departure, budget);
  }
  const rows = await judgeHeadRows(laboratory, golden, noise);
  if (rows !== undefined) return [{ ...rows, before }];
  const tied = await judgeTied(laboratory, read, before);
  if (tied !== undefined) return [tied];
  const setting = await searchConfig(
    laboratory.config,
    (config) => measure(undefined, config),
    noise,
    budget,
  );
  if (setting !== undefined) {
    const { field, ours, theirs, after } = setting;
    const evidence = `${field} is ${ours}; with ${theirs} ${fall(before, after)}`;
    return [{ cause: "config-mismatch", tensors: [], evidence, before, after }];
  }
  const explanations = await searchExplanations(
    allHypotheses(laboratory),
    readers,
    measure,
    departure,
    budget,
  );
  if (explanations.length > 0) return explanations.map(explained);
  const shown = await judgeValues(names, laboratory, read);
  if (shown.length > 0) return shown.map((diagnosis) => ({ ...diagnosis, before }));
  const layered = names.filter((name) => layerOf(name) !== undefined);
  const copies = await judgeCopies(layered, laboratory, read);
  if (copies.length > 0) return copies.map((diagnosis) => ({ ...diagnosis, before }));
  const evidence = `logits depart by ${before.toExponential(1)} (noise ${noise.toExponential(1)}), and no known mistake in one place explains it${budget.isSpent ? "; the search ran out of time" : ""}. A golden with hidden states tells the layer`;
  return [{ cause: "undetermined", tensors: [], evidence, before }];
}

function allHypotheses(laboratory: Laboratory): readonly Hypothesis[] {
  const { config } = laboratory;
  const names = laboratory.names();
  const dtypeOf = (name: string): ReturnType<typeof dtypeIn> => dtypeIn(laboratory, name);
  const layers = Array.from({ length: config.layers }, (_unused, layer) =>
    layerHypotheses(layer, config, names, dtypeOf),
  ).flat();
  return [
    ...tableHypotheses(HEAD, names, config.vocabSize, dtypeOf),
    ...tableHypotheses(EMBEDDINGS, names, config.vocabSize, dtypeOf),
    ...everywhereHypotheses(config, names, dtypeOf),
    ...layers,
  ];
}

function dtypeIn(
  laboratory: Laboratory,
  name: string,
): NonNullable<ReturnType<Laboratory["facts"]>>["dtype"] | undefined {
  return laboratory.facts(name)?.dtype;
}

/** Share of the vocabulary that damaged rows of lm_head stay below. */
const FEW_ROWS = 0.05;

/** Rows that a message lists. */
const LISTED = 6;

/** Logits that are wrong for a few tokens alone, and right for all others: only rows of lm_head can do that. */
async function judgeHeadRows(
  laboratory: Laboratory,
  golden: Golden,
  noise: number,
): Promise<Diagnosis | undefined> {
  const { vocabSize, tieWordEmbeddings } = laboratory.config;
  const runner = await laboratory.open();
  const wrong = new Set<number>();
  try {
    const logits = await logitsOn(runner, golden);
    for (const [prompt, values] of logits.entries()) {
      const reference = golden.prompts[prompt]?.logits ?? new Float32Array(0);
      for (let index = 0; index < reference.length; index++) {
        if (!(Math.abs((values[index] ?? Number.NaN) - (reference[index] ?? 0)) <= noise))
          wrong.add(index % vocabSize);
      }
    }
  } finally {
    await runner.close();
  }
  if (wrong.size === 0 || wrong.size > FEW_ROWS * vocabSize || tieWordEmbeddings) return undefined;
  const listed = [...wrong].sort((left, right) => left - right).slice(0, LISTED);
  const evidence = `only the logits of ${wrong.size} of ${vocabSize} tokens are wrong: rows ${listed.join(", ")}`;
  return { cause: "corrupt", tensors: [HEAD], evidence };
}

async function judgeTied(
  laboratory: Laboratory,
  read: Read,
  before: number,
): Promise<Diagnosis | undefined> {
  if (laboratory.config.tieWordEmbeddings || !sameValues(await read(HEAD), await read(EMBEDDINGS)))
    return undefined;
  const evidence = "lm_head is the same as the embeddings, though config.json does not tie them";
  return { cause: "tied", tensors: [HEAD], evidence, before };
}

async function logitsDifference(
  laboratory: Laboratory,
  golden: Golden,
  changes: Changes | undefined,
  config: ModelConfig | undefined,
): Promise<number> {
  const override = changes === undefined ? undefined : overrideWith(changes);
  const runner = await laboratory.open(override, config);
  try {
    const logits = await logitsOn(runner, golden);
    return largest(
      logits.map((values, index) =>
        maxDifference(values, golden.prompts[index]?.logits ?? new Float32Array(0)),
      ),
    );
  } finally {
    await runner.close();
  }
}
