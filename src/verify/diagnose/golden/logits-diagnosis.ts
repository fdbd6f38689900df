import type { ModelConfig } from "../../../model/config/model-config.ts";
import { givesTokens } from "../../../model/encoder-heads.ts";
import type { Golden, GoldenPrompt } from "../../golden/read.ts";
import { maxDifference, maxMagnitude } from "../../compare/metrics.ts";
import {
  overrideWith,
  parametersIn,
  type Laboratory,
  type ModelRunner,
} from "../../compare/model-runner.ts";
import { largest, logitsOn } from "../../compare/run-model.ts";
import { rowRelation } from "./head-columns.ts";
import { wrongHeadRows } from "./head-rows.ts";
import { encoderHeadHypotheses } from "./encoder-head-diagnosis.ts";
import { searchConfig, settingsText } from "./config-search.ts";
import { judgeCopies } from "../hypotheses/copies.ts";
import { layerOf } from "../../../model/layer-number.ts";
import { fall, type Diagnosis } from "../diagnosis.ts";
import type { Hypothesis, Read } from "../hypotheses/hypothesis.ts";
import { everywhereHypotheses, layerHypotheses } from "../hypotheses/hypotheses.ts";
import type { Beside, Changes } from "./local-lab.ts";
import { joinTwins, repeatedTensors } from "./layer-places.ts";
import { likelyFirst } from "./likely-first.ts";
import { mergeDiagnoses } from "../merge-diagnoses.ts";
import { explainNonFinite } from "../values/non-finite.ts";
import { otherCap } from "./logit-cap.ts";
import { orderHypotheses } from "../hypotheses/order-hypotheses.ts";
import { bitsReader } from "../values/read-bits.ts";
import { rereadHypotheses } from "../hypotheses/reread-hypotheses.ts";
import { withoutOldRoundings } from "../values/rounding-size.ts";
import { explained, SearchBudget, searchExplanations, triesFor, type Departure } from "./search.ts";
import { EMBEDDINGS, HEAD } from "../../../model/network.ts";
import { factorHypothesis } from "../hypotheses/scale-hypotheses.ts";
import { inSeveralLayers, rootMeanSquare } from "./several-layers.ts";
import { staleTable } from "./stale-table.ts";
import { tableHypotheses } from "../hypotheses/table-hypotheses.ts";
import { sameValues, sizeOf } from "../hypotheses/tensor-edits.ts";
import { listed } from "../../listed.ts";
import { judgeValues } from "../values/value-diagnosis.ts";
import { describeTokens, rowsExchanged, wrongTokens } from "./wrong-tokens.ts";

/**
 * The golden has logits alone: the whole model is run with each mistake undone, until its logits fit.
 * @param noise What logits may differ by.
 */
export async function diagnoseFromLogits(
  laboratory: Laboratory,
  golden: Golden,
  noise: number,
  signal?: AbortSignal,
): Promise<readonly Diagnosis[]> {
  try {
    return await searched(laboratory, golden, noise, signal);
  } finally {
    laboratory.forget();
  }
}

async function searched(
  laboratory: Laboratory,
  golden: Golden,
  noise: number,
  signal?: AbortSignal,
): Promise<readonly Diagnosis[]> {
  const cache = new Map<string, ReturnType<Read>>();
  const read: Read = (name) => {
    const known = cache.get(name) ?? laboratory.read(name);
    cache.set(name, known);
    return known;
  };
  const names = laboratory.names();
  const nearness = new Map<Hypothesis, number>();
  const measure = (changes: Changes, limit?: number, hypothesis?: Hypothesis): Promise<number> =>
    logitsDifference(laboratory, golden, {
      changes,
      limit,
      onFirst: (outputs) => {
        // Of what is undone alone, not beside another mistake.
        if (hypothesis !== undefined && !nearness.has(hypothesis))
          nearness.set(hypothesis, rootMeanSquare(outputs));
      },
    });
  const before = await logitsDifference(laboratory, golden);
  const scale = largest(golden.prompts.map(({ logits }) => maxMagnitude(logits)));
  const departure = { before, noise, scale };
  const tokens = golden.prompts.reduce((sum, { ids }) => sum + ids.length, 0);
  const tries = triesFor(tokens * parametersIn(laboratory));
  const budget = new SearchBudget(tries, signal);
  const readers = { read, readBits: bitsReader(laboratory) };
  const nonFinite = await judgeValues(names, laboratory, read, ["non-finite"]);
  if (nonFinite.length > 0) {
    const rereadings = rereadHypotheses(names, [], (name) => dtypeIn(laboratory, name));
    return explainNonFinite(nonFinite, rereadings, readers, measure, departure, budget);
  }
  if (givesTokens(laboratory.config)) {
    const rows = await judgeHeadRows(laboratory, golden, noise);
    if (rows !== undefined) return [{ ...rows, before }];
    const related = await judgeHeadRelation(laboratory, golden, noise);
    if (related !== undefined) return [{ ...related, before }];
    const tied = await judgeTied(laboratory, read, before);
    if (tied !== undefined) return [tied];
  }
  const layered = names.filter((name) => layerOf(name) !== undefined);
  const twins = await repeatedTensors(layered, laboratory, laboratory.config);
  if (twins.length > 0)
    return mergeDiagnoses(joinTwins(twins, names)).map((diagnosis) => ({ ...diagnosis, before }));
  const codes = await judgeValues(names, laboratory, read, ["scaled"]);
  if (codes.length > 0) return codes.map((diagnosis) => ({ ...diagnosis, before }));
  const firsts = firstTokens(golden);
  const stale = await staleTable(
    laboratory.config,
    golden.prompts,
    async (configs) => {
      let most = 0;
      for (const [index, config] of configs.entries()) {
        const one = { ...golden, prompts: golden.prompts.slice(index, index + 1) };
        most = largest([most, await logitsDifference(laboratory, one, { config })]);
      }
      return most;
    },
    departure,
  );
  if (stale !== undefined) return [stale];
  const setting = await searchConfig(
    laboratory.config,
    {
      all: (config, limit) => logitsDifference(laboratory, golden, { config, limit }),
      first: async (config) =>
        firsts === undefined ? undefined : logitsDifference(laboratory, firsts, { config }),
    },
    noise,
    new SearchBudget(tries, signal),
  );
  if (setting !== undefined) {
    const evidence = `${settingsText(setting)} ${fall(before, setting.after)}`;
    return [{ cause: "config-mismatch", tensors: [], evidence, before, after: setting.after }];
  }
  const capped = await otherCap(
    {
      config: laboratory.config,
      outputs: async (config) =>
        besideGolden(await ownLogits(laboratory, golden, { config }), golden),
      difference: (config) => logitsDifference(laboratory, golden, { config }),
    },
    departure,
  );
  if (capped !== undefined) return [capped];
  const tokenRows = await judgeTokens(laboratory, golden, read, departure);
  if (tokenRows !== undefined) return [tokenRows];
  const isFirstWrong =
    firsts === undefined || !((await logitsDifference(laboratory, firsts)) <= noise);
  const explanations = await searchExplanations(
    likelyFirst(allHypotheses(laboratory), isFirstWrong, new Set()),
    readers,
    measure,
    departure,
    budget,
  );
  if (explanations.length > 0) return explanations.map(explained);
  const several = await inSeveralLayers(
    nearness,
    readers,
    (changes) => tellingDistance(laboratory, golden, changes),
    budget,
  );
  const joint = await searchExplanations(several, readers, measure, departure, budget);
  if (joint.length > 0) return joint.map(explained);
  const zeroed = await zeroedTokens(golden, read);
  if (zeroed !== undefined) return [{ ...zeroed, before }];
  const copies = await judgeCopies(layered, laboratory, read);
  if (copies.length > 0) return copies.map((diagnosis) => ({ ...diagnosis, before }));
  const shown = await withoutOldRoundings(await judgeValues(names, laboratory, read), {
    read,
    before,
    moved: (changes) => logitsMoved(laboratory, golden, changes),
  });
  if (shown.length > 0) return shown.map((diagnosis) => ({ ...diagnosis, before }));
  const where =
    firsts === undefined
      ? ""
      : isFirstWrong
        ? ", already at the first token of a prompt, so that it is not the positions alone"
        : ", while the first token of every prompt is right: the rotary table, queries, keys or embeddings of other tokens";
  const evidence = `logits depart by ${before.toExponential(1)} (noise ${noise.toExponential(1)})${where}; no known mistake in one place explains it${budget.isSpent ? ", as far as the search went" : ""}. A golden with hidden states tells the layer`;
  return [{ cause: "undetermined", tensors: [], evidence, before }];
}

/** The golden's first tokens, each as a prompt of its own, where it has their logits. */
function firstTokens(golden: Golden): Golden | undefined {
  const prompts = golden.prompts
    .filter(({ positions }) => positions[0] === 0)
    .map((prompt) => ({
      ...prompt,
      ids: prompt.ids.slice(0, 1),
      positions: [0],
      logits: prompt.logits.subarray(0, golden.vocabSize),
    }));
  return prompts.length === 0 ? undefined : { ...golden, prompts };
}

function allHypotheses(laboratory: Laboratory): readonly Hypothesis[] {
  const { config } = laboratory;
  const names = laboratory.names();
  const dtypeOf = (name: string): ReturnType<typeof dtypeIn> => dtypeIn(laboratory, name);
  const layers = Array.from({ length: config.layers }, (_unused, layer) =>
    layerHypotheses(layer, config, names, dtypeOf),
  ).flat();
  // Some families' files have embeddings by the root of their width, others' networks take that factor.
  const root = Math.sqrt(config.hiddenSize);
  const has = new Set(names);
  const scales = has.has(EMBEDDINGS)
    ? [root, 1 / root].map((factor) => factorHypothesis([EMBEDDINGS], factor, has))
    : [];
  return [
    ...scales,
    ...tableHypotheses(HEAD, names, config.vocabSize, dtypeOf),
    ...tableHypotheses(EMBEDDINGS, names, config.vocabSize, dtypeOf),
    ...encoderHeadHypotheses(config, names),
    ...everywhereHypotheses(config, names, dtypeOf),
    ...orderHypotheses(config.layers, names),
    ...layers,
  ];
}

function dtypeIn(
  laboratory: Laboratory,
  name: string,
): NonNullable<ReturnType<Laboratory["facts"]>>["dtype"] | undefined {
  return laboratory.facts(name)?.dtype;
}

/** Rows of the embeddings that the places of departures blame. */
async function judgeTokens(
  laboratory: Laboratory,
  golden: Golden,
  read: Read,
  { before, noise }: Departure,
): Promise<Diagnosis | undefined> {
  const { config } = laboratory;
  if (!givesTokens(config)) return undefined;
  const outputs = besideGolden(await ownLogits(laboratory, golden), golden);
  const tokens = wrongTokens(outputs, golden.prompts, config, noise);
  if (tokens === undefined) return undefined;
  const exchanged = async (left: number, right: number): Promise<number> => {
    const table = rowsExchanged(await read(EMBEDDINGS), left, right);
    const names = config.tieWordEmbeddings ? [EMBEDDINGS, HEAD] : [EMBEDDINGS];
    return logitsDifference(laboratory, golden, {
      changes: new Map(names.map((name) => [name, table])),
    });
  };
  return describeTokens(tokens, await read(EMBEDDINGS), exchanged, { before, noise });
}

/** Rows that a message lists. */
const LISTED = 6;

/** Embeddings of zeros whose tokens the prompts have: those of tokens that no text has are zeros in right models, too. */
async function zeroedTokens({ prompts }: Golden, read: Read): Promise<Diagnosis | undefined> {
  const table = await read(EMBEDDINGS);
  const { columns } = sizeOf(table);
  const used = new Set(prompts.flatMap(({ ids }) => [...ids]));
  const lines = [...used]
    .filter((id) => table.data.subarray(id * columns, (id + 1) * columns).every((one) => one === 0))
    .toSorted((left, right) => left - right);
  if (lines.length === 0) return undefined;
  const evidence = `rows of zeros: ${listed(lines, LISTED)}, of tokens that the golden's prompts have`;
  const claims = [{ tensor: EMBEDDINGS, kind: "zero-lines-here", axis: "rows", lines } as const];
  return { cause: "corrupt", tensors: [EMBEDDINGS], evidence, claims };
}

/** Logits that are wrong for a few tokens alone, and right for all others: only rows of lm_head can do that. */
async function judgeHeadRows(
  laboratory: Laboratory,
  golden: Golden,
  noise: number,
): Promise<Diagnosis | undefined> {
  const { vocabSize, tieWordEmbeddings } = laboratory.config;
  if (tieWordEmbeddings) return undefined;
  const outputs = besideGolden(await ownLogits(laboratory, golden), golden);
  const rows = wrongHeadRows(outputs, vocabSize, noise);
  if (rows === undefined) return undefined;
  const shown = rows.slice(0, LISTED).join(", ");
  const evidence = `only the logits of ${rows.length} of ${vocabSize} tokens are wrong: rows ${shown}`;
  const claims = [{ tensor: HEAD, kind: "rows-differ", rows, all: true } as const];
  return { cause: "corrupt", tensors: [HEAD], evidence, claims };
}

/** Every token's logits are right but for a factor of its own, or for the token that they are said to be of. */
async function judgeHeadRelation(
  laboratory: Laboratory,
  golden: Golden,
  noise: number,
): Promise<Diagnosis | undefined> {
  if (laboratory.config.tieWordEmbeddings) return undefined;
  const outputs = besideGolden(await ownLogits(laboratory, golden), golden);
  const found = rowRelation(outputs, laboratory.config, noise);
  if (found === undefined) return undefined;
  const { statement, ...said } = found;
  return { ...said, tensors: [HEAD], claims: [{ tensor: HEAD, ...statement }] };
}

async function judgeTied(
  laboratory: Laboratory,
  read: Read,
  before: number,
): Promise<Diagnosis | undefined> {
  if (laboratory.config.tieWordEmbeddings || !sameValues(await read(HEAD), await read(EMBEDDINGS)))
    return undefined;
  const evidence = "lm_head is the same as the embeddings, though config.json does not tie them";
  const claims = [{ tensor: HEAD, of: EMBEDDINGS, kind: "twin" } as const];
  return { cause: "tied", tensors: [HEAD], evidence, claims, before };
}

/** How far logits are on a short prompt that most mistakes show on. */
async function tellingDistance(
  laboratory: Laboratory,
  golden: Golden,
  changes: Changes,
): Promise<number> {
  const telling = tellingOf(golden);
  const prompts = telling === undefined ? golden.prompts : [telling];
  const own = { ...golden, prompts };
  return rootMeanSquare(besideGolden(await ownLogits(laboratory, own, { changes }), own));
}

/** How far the model's logits move from its own when some parameters are changed. */
async function logitsMoved(
  laboratory: Laboratory,
  golden: Golden,
  changes: Changes,
): Promise<number> {
  const own = await ownLogits(laboratory, golden);
  const changed = await ownLogits(laboratory, golden, { changes });
  return largest(
    own.map((values, index) => maxDifference(values, changed[index] ?? new Float32Array(0))),
  );
}

/** Bytes of a model in float32 that is read once for all tries: of larger ones, reading ahead saves more. */
const KEPT_BYTES = 512 * 2 ** 20;

function openedFor(
  laboratory: Laboratory,
  changes: Changes | undefined,
  config: ModelConfig | undefined,
): Promise<ModelRunner> {
  const override = changes === undefined ? undefined : overrideWith(changes);
  return 4 * parametersIn(laboratory) <= KEPT_BYTES
    ? laboratory.openAgain(override, config)
    : laboratory.open(override, config);
}

async function ownLogits(
  laboratory: Laboratory,
  golden: Golden,
  { changes, config }: Pick<Changed, "changes" | "config"> = {},
): Promise<readonly Float32Array[]> {
  const runner = await openedFor(laboratory, changes, config);
  try {
    return await logitsOn(runner, golden);
  } finally {
    await runner.close();
  }
}

function besideGolden(logits: readonly Float32Array[], { prompts }: Golden): readonly Beside[] {
  return logits.map((ours, index) => ({
    ours,
    reference: prompts[index]?.logits ?? new Float32Array(0),
  }));
}

interface Changed {
  readonly changes?: Changes;
  readonly config?: ModelConfig;
  /** Prompts are run one after the other, a short one first, until one is above it. */
  readonly limit?: number | undefined;
  /** Is given the logits of the first of them. */
  readonly onFirst?: (outputs: readonly Beside[]) => void;
}

/** Tokens of a prompt that most mistakes show on. */
const TELLING_TOKENS = 8;

function tellingOf({ prompts }: Golden): GoldenPrompt | undefined {
  return prompts
    .toSorted((left, right) => left.ids.length - right.ids.length)
    .find(({ ids }) => ids.length >= TELLING_TOKENS);
}

async function logitsDifference(
  laboratory: Laboratory,
  golden: Golden,
  { changes, config, limit = Number.POSITIVE_INFINITY, onFirst }: Changed = {},
): Promise<number> {
  const telling = tellingOf(golden);
  const batches =
    Number.isFinite(limit) && telling !== undefined
      ? [[telling], golden.prompts.filter((prompt) => prompt !== telling)]
      : [golden.prompts];
  let worst = 0;
  for (const prompts of batches) {
    const runner = await openedFor(laboratory, changes, config);
    try {
      const own = { ...golden, prompts };
      const outputs = besideGolden(await logitsOn(runner, own), own);
      const differences = outputs.map(({ ours, reference }) => maxDifference(ours, reference));
      if (prompts === batches[0]) onFirst?.(outputs);
      worst = largest([worst, ...differences]);
    } finally {
      await runner.close();
    }
    if (!(worst <= limit)) break;
  }
  return worst;
}
