import { openCheckpoint } from "../formats/open.ts";
import { WbError } from "../errors/wb-error.ts";
import { outputWidth } from "../model/encoder-heads.ts";
import { findTokenizer } from "../runtime/tokenizer/tokenizer.ts";
import { isQuantised } from "../mapping/stored-rows.ts";
import { diagnoseGolden, diagnoseLayerCount } from "./diagnose/golden/golden-diagnosis.ts";
import type { Diagnosis } from "./diagnose/diagnosis.ts";
import { readGolden, refuseStale, type Golden } from "./golden/read.ts";
import { parityWithGolden, type Parity } from "./compare/parity.ts";
import { arithmeticOf } from "./golden/arithmetic.ts";
import { commonVocabulary } from "./golden/vocabulary.ts";
import { checkGreedy, type GreedyCheck } from "./greedy-check.ts";
import type { Bench } from "./subject.ts";
import { NOTHING_COMPARED, type TokenizerFindings } from "./tokenizers/folder.ts";
import {
  tokenizerDigest,
  TOKENIZER_KEY,
  VALUES_KEY,
  WEIGHTS_KEY,
  weightsIdentity,
} from "./weights-identity.ts";

/** What came of holding a model against a golden. */
export interface GoldenOutcome {
  readonly golden: Golden;
  readonly parity: Parity;
  readonly greedy: readonly GreedyCheck[];
  readonly diagnoses: readonly Diagnosis[];
  /** What is to be known of the golden: its arithmetic, other tokens. */
  readonly notes: readonly string[];
  /** Texts of prompts whose ids were compared with this tokenizer's. */
  readonly texts: number;
}

/**
 * Holds a model against a golden file, and looks for the cause where it does not fit.
 * @throws WbError WB3911; WB3912 for a golden of other weights or another tokenizer; WB4911 for a quantised model that it cannot judge.
 */
export async function verifyGolden(bench: Bench, path: string): Promise<GoldenOutcome> {
  const { laboratory, options } = bench;
  // A record that is not what was saved explains why the weights are others.
  const isDamaged = bench.damaged.length > 0;
  const recorded = await openGolden(path);
  refuseStale(recorded, laboratory.config);
  const { golden, note, lacksTokens } = commonVocabulary(recorded, outputWidth(laboratory.config));
  await refuseOtherTokenizer(golden, bench.folder);
  const ownWeights = await isForTheseWeights(golden, bench);
  const parity = await parityWithGolden(laboratory, golden, options.parity);
  const compared = await tokenizerDiagnoses(golden, bench);
  const { texts } = compared;
  const tokens = [...compared.diagnoses, ...(lacksTokens ? [lostTokens(note ?? "")] : [])];
  const { compute, why } = arithmeticOf(golden);
  const notes = [...(compute === "f32" ? [] : [why]), ...(note === undefined ? [] : [note])];
  const greedy = parity.passes ? await checkGreedy(bench, golden, parity.gate.maxAbs) : [];
  if (parity.passes) {
    if (ownWeights === "other" && !isDamaged) throw stale(golden);
    return { golden, parity, greedy, diagnoses: tokens, notes, texts };
  }
  if (ownWeights !== "same") {
    const certain = certainOfQuantised(bench, golden, parity, tokens);
    if (certain !== undefined) return { golden, parity, greedy, diagnoses: certain, notes, texts };
  }
  const diagnoses = options.diagnose
    ? await diagnoseGolden(laboratory, golden, parity, options.parity.signal)
    : [];
  const isExplained = diagnoses.some(({ cause }) => cause !== "undetermined");
  if (ownWeights === "other" && options.diagnose && !isExplained && !isDamaged) throw stale(golden);
  return { golden, parity, greedy, diagnoses: [...tokens, ...diagnoses], notes, texts };
}

/**
 * What is wrong with a quantised model for certain, by a golden that is not known to be of its own numbers; undefined where it is not
 * quantised, or its logits are no numbers, which no rounding explains. Rounding to blocks moves logits as far as a mistake may, and only the
 * original's weights tell the two apart.
 * @throws WbError WB4911 where nothing is certain.
 */
function certainOfQuantised(
  { path, laboratory, tensors }: Bench,
  golden: Golden,
  { prompts, gate }: Parity,
  tokens: readonly Diagnosis[],
): readonly Diagnosis[] | undefined {
  const quantised = [...tensors.values()].filter(isQuantised).length;
  const difference = Math.max(...prompts.map(({ maxAbs }) => maxAbs));
  if (quantised === 0 || !Number.isFinite(difference)) return undefined;
  const layers = diagnoseLayerCount(laboratory, golden);
  const certain = layers === undefined ? tokens : [...tokens, layers];
  if (certain.length > 0) return certain;
  const details = { path, golden: golden.path, quantised, difference, allowed: gate.maxAbs };
  throw new WbError(
    "WB4911",
    `${path}: ${golden.path} does not tell its rounding from a mistake: ${quantised} of its ${tensors.size} tensors are quantised, and its logits differ by ${difference.toPrecision(3)}, where ${gate.maxAbs.toPrecision(3)} is allowed`,
    { details },
  );
}

/** Rows of the vocabulary that were cut off are a failure, whatever the other tokens' logits are. */
function lostTokens(evidence: string): Diagnosis {
  return { cause: "config-mismatch", tensors: [], evidence };
}

async function openGolden(path: string): Promise<Golden> {
  const { checkpoint } = await openCheckpoint(path);
  try {
    return await readGolden(checkpoint);
  } finally {
    await checkpoint.close();
  }
}

/**
 * Whether a golden that says which weights it was made for means these: the same bytes, or the same values in another dtype.
 */
async function isForTheseWeights(
  golden: Golden,
  { tensors, options }: Bench,
): Promise<"same" | "other" | "unknown"> {
  const sha256 = golden.metadata.get(WEIGHTS_KEY);
  if (sha256 === undefined) return "unknown";
  const identity = await weightsIdentity(tensors, options.parity.signal);
  if (identity.sha256 === sha256) return "same";
  return identity.valuesSha256 === golden.metadata.get(VALUES_KEY) ? "same" : "other";
}

function stale(golden: Golden): WbError {
  return new WbError(
    "WB3912",
    `${golden.path}: made for weights with digest ${golden.metadata.get(WEIGHTS_KEY) ?? ""}, which are not this model's, and no single mistake makes those of these`,
    { details: { path: golden.path } },
  );
}

async function refuseOtherTokenizer(golden: Golden, folder: string): Promise<void> {
  const wanted = golden.metadata.get(TOKENIZER_KEY);
  const found = wanted === undefined ? undefined : await tokenizerDigest(folder);
  if (wanted === undefined || found === undefined || wanted === found) return;
  throw new WbError(
    "WB3912",
    `${golden.path}: made with a tokenizer.model of SHA-256 ${wanted}, that of ${folder} has ${found}`,
    { details: { path: golden.path } },
  );
}

/** Where the golden has its prompts' texts, this model's tokenizer must make the same ids of them. */
async function tokenizerDiagnoses(
  golden: Golden,
  { folder, options }: Pick<Bench, "folder" | "options">,
): Promise<Pick<TokenizerFindings, "diagnoses" | "texts">> {
  const texts = golden.prompts.map(({ name }) => golden.metadata.get(`${name}.text`));
  const count = texts.filter((text) => text !== undefined).length;
  if (count === 0) return NOTHING_COMPARED;
  const tokenizer = await findTokenizer(folder, options.tokenizer);
  if (tokenizer === undefined) return NOTHING_COMPARED;
  for (const [index, text] of texts.entries()) {
    const wanted = golden.prompts[index]?.ids ?? [];
    const ids = text === undefined ? wanted : tokenizer.encode(text);
    if (ids.join() === wanted.join()) continue;
    const evidence = `${tokenDifference(index, ids, wanted)}: ${JSON.stringify(text)}`;
    return { diagnoses: [{ cause: "tokenizer", tensors: [], evidence }], texts: count };
  }
  return { diagnoses: [], texts: count };
}

function tokenDifference(
  prompt: number,
  ours: readonly number[],
  wanted: readonly number[],
): string {
  const [first = -1] = wanted;
  if (wanted.slice(1).join() === ours.join())
    return `prompt ${prompt}: the golden begins with id ${first}, which this tokenizer does not put there (add_bos_token?)`;
  if (ours.slice(1).join() === wanted.join())
    return `prompt ${prompt}: this tokenizer puts id ${ours[0] ?? -1} first, which the golden has not (add_bos_token?)`;
  const at = wanted.findIndex((id, index) => id !== ours[index]);
  const place = at < 0 ? wanted.length : at;
  return `prompt ${prompt}: token ${place} is ${String(ours[place])}, in the golden ${String(wanted[place])}`;
}
