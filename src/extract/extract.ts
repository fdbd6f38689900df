import { join } from "node:path";
import { checkSpace } from "../convert/run.ts";
import { REAL_FILE_SYSTEM, type OutputFile } from "../convert/staging/file-system.ts";
import { cleanUp, refuseSource, takeTarget } from "../convert/staging/target-folder.ts";
import { refuseChanged, sourceStates } from "../convert/write/source-guard.ts";
import { WbError } from "../errors/wb-error.ts";
import { openCheckpoint } from "../formats/open.ts";
import type { TensorFacts } from "../formats/safetensors/build-header.ts";
import { streamAssembly } from "../mapping/read-assembly.ts";
import { ADAPTER_CONFIG, PEFT_PREFIX } from "../model/adapter-names.ts";
import { moduleOf } from "../model/canonical-names.ts";
import { HEAD } from "../model/network.ts";
import type { OpenedModel } from "../session/open-model.ts";
import { shownName } from "../tensor/shown-name.ts";
import { adapterConfigText } from "./adapter-config.ts";
import { compareValues, differenceRows } from "./difference-rows.ts";
import { factorFile, type FactorFile } from "./factor-file.ts";
import { lowRank } from "./low-rank.ts";
import { sortChanges, type Change, type RestChoice, type SortedChanges } from "./sort-changes.ts";
import { weightPairs, type WeightPair } from "./weight-pairs.ts";

export interface ExtractSettings {
  readonly rank: number;
  readonly rest: RestChoice;
  readonly force: boolean;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: (
    phase: "compare" | "extract",
    done: number,
    total: number,
    item: string,
  ) => void;
}

/** One weight that has factors. All numbers are of lengths: roots of sums of squares. */
export interface ExtractedFactors {
  readonly name: string;
  /** [out, in], as PEFT has it. */
  readonly shape: readonly number[];
  /** The difference against the base; null where the base is all zeros. */
  readonly change: number | null;
  /** What base + B · A still differs from the tuned weight by, against the difference. */
  readonly error: number;
  /** The most that rounding the tuned weight to its dtype leaves, against the difference. */
  readonly rounding: number;
}

export interface ExtractedAdapter {
  readonly factors: readonly ExtractedFactors[];
  /** Tensors that are in the adapter as they are in the tuned model. */
  readonly whole: readonly string[];
  /** Tensors that differ and are not in the adapter. */
  readonly left: readonly { readonly name: string; readonly change: number | null }[];
  /** Tensors that do not differ. */
  readonly unchanged: number;
  /** As those of each, over all that have factors. */
  readonly error: number;
  readonly rounding: number;
  readonly bytesWritten: number;
}

/** As PEFT names them (peft v0.21, utils/constants.py). */
const WEIGHTS = "adapter_model.safetensors";

/**
 * Writes what a model differs from its base by as a LoRA adapter in PEFT's form. Both are streamed; a matrix's factors are in memory
 * one matrix at a time.
 * @throws WbError WB2715, WB3715, WB4708, those of staging, of reading and of writing.
 */
export async function extractAdapter(
  base: OpenedModel,
  tuned: OpenedModel,
  folder: string,
  settings: ExtractSettings,
): Promise<ExtractedAdapter> {
  const pairs = weightPairs(base, tuned);
  const sources = [...base.checkpoint.files, ...tuned.checkpoint.files];
  await refuseSource(folder, sources);
  const states = await sourceStates(sources);
  const changes = await changedPairs(pairs, tuned.checkpoint.path, settings);
  const tiedHead = base.config?.tieWordEmbeddings === true ? HEAD : undefined;
  const { path } = tuned.checkpoint;
  const sorted = sortChanges(changes, { pairs, tiedHead, path }, settings.rest);
  const facts = tensorsOf(sorted, settings.rank);
  const file = factorFile(facts, join(folder, WEIGHTS));
  const config = configOf(sorted, pairs, base, settings.rank);
  await checkSpace(folder, [file.byteLength, Buffer.byteLength(config)]);
  const { force } = settings;
  const target = await takeTarget(
    folder,
    { force, resume: false, planDigest: "" },
    REAL_FILE_SYSTEM,
  );
  try {
    const staged = join(target.staging, WEIGHTS);
    const factors = await writeFactors(sorted, file, staged, settings);
    await readAgain(staged, facts);
    await refuseChanged(states);
    await REAL_FILE_SYSTEM.writeSmall(join(target.staging, ADAPTER_CONFIG), config);
    for (const name of [WEIGHTS, ADAPTER_CONFIG])
      await REAL_FILE_SYSTEM.rename(join(target.staging, name), join(folder, name));
    await REAL_FILE_SYSTEM.syncFolder(folder);
    await REAL_FILE_SYSTEM.remove(target.staging);
    const total = (part: (one: (typeof factors)[number]) => number): number =>
      factors.reduce((sum, one) => sum + part(one), 0);
    const energy = total((one) => one.energy);
    return {
      factors: factors.map(({ told }) => told),
      whole: [...new Set(sorted.whole.map(({ pair }) => pair.name))],
      left: sorted.left.map(({ pair, difference }) => ({
        name: pair.name,
        change: against(difference.energy, difference.baseEnergy),
      })),
      unchanged: pairs.length - changes.length,
      error: Math.sqrt(total((one) => one.rest) / energy),
      rounding: Math.sqrt(total((one) => one.rounding) / energy),
      bytesWritten: file.byteLength + Buffer.byteLength(config),
    };
  } catch (error) {
    await cleanUp(target, REAL_FILE_SYSTEM, error);
    throw error;
  }
}

/** A share of lengths, from sums of squares. */
function against(energy: number, whole: number): number | null {
  return whole > 0 ? Math.sqrt(energy / whole) : null;
}

async function changedPairs(
  pairs: readonly WeightPair[],
  path: string,
  { signal, onProgress }: ExtractSettings,
): Promise<readonly Change[]> {
  const changes: Change[] = [];
  for (const [index, pair] of pairs.entries()) {
    onProgress("compare", index, pairs.length, pair.name);
    const difference = await compareValues(pair.base, pair.tuned, signal);
    if (!Number.isFinite(difference.energy + difference.baseEnergy))
      throw new WbError(
        "WB3715",
        `${path}: ${shownName(pair.name)}: not all values are finite, here or in the base`,
        { details: { path } },
      );
    if (difference.energy > 0) changes.push({ pair, difference });
  }
  return changes;
}

function factorNames(name: string): { readonly a: string; readonly b: string } {
  const module = `${PEFT_PREFIX}${moduleOf(name)}`;
  return { a: `${module}.lora_A.weight`, b: `${module}.lora_B.weight` };
}

function tensorsOf({ factors, whole }: SortedChanges, rank: number): readonly TensorFacts[] {
  return [
    ...factors.flatMap(({ pair }): TensorFacts[] => {
      const [rows = 0, columns = 0] = pair.base.shape;
      const { a, b } = factorNames(pair.name);
      return [
        { name: a, dtype: "F32", shape: [rank, columns] },
        { name: b, dtype: "F32", shape: [rows, rank] },
      ];
    }),
    ...whole.map(({ pair, savedAs }) => ({
      name: savedAs,
      dtype: pair.tuned.dtype,
      shape: pair.tuned.shape,
    })),
  ];
}

function configOf(
  { factors, whole, savedModules, hasBiases }: SortedChanges,
  pairs: readonly WeightPair[],
  { config }: OpenedModel,
  rank: number,
): string {
  return adapterConfigText({
    rank,
    modules: factors.map(({ pair }) => moduleOf(pair.name)),
    allModules: [...new Set(pairs.map(({ name }) => moduleOf(name)))],
    savedModules,
    hasBiases,
    isFanInFanOut: factors.some(({ pair }) => pair.isConv1d),
    keepsTies: config?.tieWordEmbeddings === true && whole.some(({ pair }) => pair.isEmbedding),
    isCausal: config !== undefined && config.encoder === undefined,
  });
}

/** One weight's factors as they were written, and the sums of squares behind their numbers. */
interface Written {
  readonly told: ExtractedFactors;
  readonly energy: number;
  readonly rest: number;
  readonly rounding: number;
}

async function writeFactors(
  { factors, whole }: SortedChanges,
  file: FactorFile,
  path: string,
  settings: ExtractSettings,
): Promise<readonly Written[]> {
  const output = await REAL_FILE_SYSTEM.openForWriting(path, "wx+");
  const written: Written[] = [];
  try {
    await file.begin(output);
    for (const [index, change] of factors.entries()) {
      settings.onProgress("extract", index, factors.length, change.pair.name);
      written.push(await writeOne(change, file, output, settings));
    }
    for (const { pair, savedAs } of whole) {
      let at = 0;
      await streamAssembly(pair.tuned, { signal: settings.signal }, (chunk) => {
        file.write(output, savedAs, chunk, at);
        at += chunk.byteLength;
      });
    }
    await output.sync();
  } finally {
    await output.close();
  }
  return written;
}

async function writeOne(
  { pair, difference }: Change,
  file: FactorFile,
  output: OutputFile,
  { rank, signal }: ExtractSettings,
): Promise<Written> {
  const { energy, baseEnergy, roundingEnergy } = difference;
  const rows = differenceRows(pair.base, pair.tuned, signal);
  const { down, along, restEnergy } = await lowRank(rows, rank, energy);
  const { a, b } = factorNames(pair.name);
  file.write(output, a, new Uint8Array(along.buffer));
  file.write(output, b, new Uint8Array(down.buffer));
  const told = {
    name: pair.name,
    shape: pair.base.shape,
    change: against(energy, baseEnergy),
    error: Math.sqrt(restEnergy / energy),
    rounding: Math.sqrt(roundingEnergy / energy),
  };
  return { told, energy, rest: restEnergy, rounding: roundingEnergy };
}

/** What was written is opened by the strict reader before it gets its name. */
async function readAgain(path: string, facts: readonly TensorFacts[]): Promise<void> {
  const { checkpoint } = await openCheckpoint(path);
  try {
    if (checkpoint.tensors.length !== facts.length)
      throw new WbError("WB7001", `${path}: ${checkpoint.tensors.length} tensors were read back`);
  } finally {
    await checkpoint.close();
  }
}
