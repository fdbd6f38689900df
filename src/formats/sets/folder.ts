import { basename, join } from "node:path";
import { WbError } from "../../errors/wb-error.ts";
import { listPlace } from "../../sources/places.ts";
import { rankOfFile, type Rank } from "./rank-file.ts";

/** One set of weights in a folder: a file, an index with its shards, or the parts of parallel ranks. */
export interface WeightSet {
  readonly framework: "safetensors" | "pytorch" | "paddle";
  readonly kind: "file" | "index" | "ranks";
  /** The file or the index; for ranks the folder itself. */
  readonly path: string;
  /** What messages call the set: the file's name, or the pattern of the parts' names. */
  readonly name: string;
  /** Files of the ranks; empty otherwise. */
  readonly parts: readonly RankFile[];
}

export interface RankFile extends Rank {
  readonly path: string;
}

interface SetPattern {
  readonly framework: WeightSet["framework"];
  readonly index?: RegExp;
  readonly file?: RegExp;
  /** Ending of the parts of ranks. */
  readonly ranks?: RegExp;
}

/**
 * The names that the frameworks give, in the contract's order: safetensors before PyTorch before Paddle, and within one an
 * index before a file. `.variant` covers several sets side by side, such as `model_state.hf-layout.pdparams`.
 */
const PATTERNS: readonly SetPattern[] = [
  { framework: "safetensors", index: /^model(\.[\w-]+)?\.safetensors\.index(\.[\w-]+)?\.json$/ },
  { framework: "safetensors", file: /^model(\.[\w-]+)?\.safetensors$/ },
  { framework: "pytorch", index: /^pytorch_model(\.[\w-]+)?\.bin\.index(\.[\w-]+)?\.json$/ },
  { framework: "pytorch", file: /^pytorch_model(\.[\w-]+)?\.bin$/ },
  { framework: "pytorch", ranks: /\.pth?$/ },
  { framework: "paddle", index: /^model_state(\.[\w-]+)?\.pdparams\.index(\.[\w-]+)?\.json$/ },
  { framework: "paddle", ranks: /\.pdparams$/ },
  { framework: "paddle", file: /^model_state(\.[\w-]+)?\.pdparams$/ },
];

/** Names by their ending alone, for folders that have none of the usual ones. */
const FALLBACK: readonly SetPattern[] = [
  { framework: "safetensors", file: /\.safetensors$/ },
  { framework: "pytorch", file: /\.(bin|pt|pth|ckpt)$/ },
  { framework: "paddle", file: /\.pdparams$/ },
];

/** Files with weights' endings that are none. */
const NOT_WEIGHTS =
  /^(training_args|optimizer|scheduler|scaler|rng_state|master_weights|golden|model_config)/;

/** Every set of weights in a folder, in the order in which one would be chosen. */
export async function findWeightSets(folder: string): Promise<readonly WeightSet[]> {
  const names = (await listPlace(folder)).sort();
  const usual = PATTERNS.flatMap((pattern) => setsOf(pattern, names, folder));
  if (usual.length > 0) return withoutShards(usual);
  const candidates = names.filter((name) => !NOT_WEIGHTS.test(name));
  return FALLBACK.flatMap((pattern) => setsOf(pattern, candidates, folder));
}

/** The set that a folder's path stands for. @throws WbError WB3006 when there is none. */
export async function chooseWeightSet(
  folder: string,
): Promise<{ readonly set: WeightSet; readonly others: readonly WeightSet[] }> {
  const [set, ...others] = await findWeightSets(folder);
  if (set === undefined)
    throw new WbError("WB3006", `${folder}: no file of weights in this folder`);
  return { set, others };
}

function setsOf(
  pattern: SetPattern,
  names: readonly string[],
  folder: string,
): readonly WeightSet[] {
  const { framework, ranks } = pattern;
  if (ranks !== undefined) return rankSet(framework, ranks, names, folder);
  const wanted = pattern.index ?? pattern.file;
  const kind = pattern.index === undefined ? "file" : "index";
  return names
    .filter((name) => wanted?.test(name) === true && rankOfFile(name) === undefined)
    .map((name) => ({ framework, kind, path: join(folder, name), name, parts: [] }));
}

function rankSet(
  framework: WeightSet["framework"],
  ending: RegExp,
  names: readonly string[],
  folder: string,
): readonly WeightSet[] {
  const parts = names.flatMap((name) => {
    const rank = ending.test(name) ? rankOfFile(name) : undefined;
    return rank === undefined ? [] : [{ path: join(folder, name), ...rank }];
  });
  const [first] = parts;
  if (first === undefined) return [];
  // Meta numbers the only file of a model that is not split, too.
  if (parts.length === 1 && first.tp === 0 && first.pp === 0)
    return [{ framework, kind: "file", path: first.path, name: basename(first.path), parts: [] }];
  const name = `${parts.length} parallel parts`;
  return [{ framework, kind: "ranks", path: folder, name, parts }];
}

/** Shards are named by their index, and are no sets of their own. */
function withoutShards(sets: readonly WeightSet[]): readonly WeightSet[] {
  return sets.filter(({ name }) => !/-\d{5}-of-\d{5}\./.test(name));
}
