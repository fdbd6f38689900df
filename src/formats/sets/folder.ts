import { basename, join } from "node:path";
import { WbError } from "../../errors/wb-error.ts";
import { listFolders, listPlace, readSmall } from "../../sources/places.ts";
import { leftOut } from "../../tensor/left-out.ts";
import { numberedName, numberedSets } from "./numbered.ts";
import { rankOfFile } from "./rank-file.ts";
import {
  DCP_TABLE,
  deepSpeedSet,
  distributedSet,
  isDistributedPart,
  refuseDistributed,
} from "./training-folder.ts";
import type { WeightSet } from "./weight-set.ts";

interface SetPattern {
  readonly framework: WeightSet["framework"];
  readonly kind: WeightSet["kind"];
  /** Of the set's file, or of each of its parts. */
  readonly name: RegExp;
}

/**
 * The names that the frameworks give, in the contract's order: safetensors before PyTorch before Paddle, and within one an
 * index before a file. `.variant` covers several sets side by side, such as `model_state.hf-layout.pdparams`.
 */
const PATTERNS: readonly SetPattern[] = [
  {
    framework: "safetensors",
    kind: "index",
    name: /^model(\.[\w-]+)?\.safetensors\.index(\.[\w-]+)?\.json$/,
  },
  { framework: "safetensors", kind: "file", name: /^model(\.[\w-]+)?\.safetensors$/ },
  { framework: "safetensors", kind: "shards", name: /^model(\.[\w-]+)?-.*\.safetensors$/ },
  { framework: "safetensors", kind: "ranks", name: /\.safetensors$/ },
  {
    framework: "pytorch",
    kind: "index",
    name: /^pytorch_model(\.[\w-]+)?\.bin\.index(\.[\w-]+)?\.json$/,
  },
  { framework: "pytorch", kind: "file", name: /^pytorch_model(\.[\w-]+)?\.bin$/ },
  { framework: "pytorch", kind: "shards", name: /^pytorch_model(\.[\w-]+)?-.*\.bin$/ },
  { framework: "pytorch", kind: "ranks", name: /\.pth?$/ },
  {
    framework: "paddle",
    kind: "index",
    name: /^model_state(\.[\w-]+)?\.pdparams\.index(\.[\w-]+)?\.json$/,
  },
  { framework: "paddle", kind: "ranks", name: /\.pdparams$/ },
  { framework: "paddle", kind: "file", name: /^model_state(\.[\w-]+)?\.pdparams$/ },
  { framework: "paddle", kind: "shards", name: /^model_state(\.[\w-]+)?-.*\.pdparams$/ },
];

/** Names by their ending alone, for folders that have none of the usual ones. */
const FALLBACK: readonly SetPattern[] = [
  { framework: "safetensors", kind: "index", name: /\.safetensors\.index(\.[\w-]+)?\.json$/ },
  { framework: "safetensors", kind: "file", name: /\.safetensors$/ },
  { framework: "safetensors", kind: "shards", name: /\.safetensors$/ },
  { framework: "pytorch", kind: "index", name: /\.(bin|pth?)\.index(\.[\w-]+)?\.json$/ },
  { framework: "pytorch", kind: "file", name: /\.(bin|pth?|ckpt)$/ },
  { framework: "pytorch", kind: "shards", name: /\.(bin|pth?|ckpt)$/ },
  { framework: "paddle", kind: "index", name: /\.pdparams\.index(\.[\w-]+)?\.json$/ },
  { framework: "paddle", kind: "file", name: /\.pdparams$/ },
  { framework: "paddle", kind: "shards", name: /\.pdparams$/ },
  { framework: "paddle", kind: "file", name: /\.pdiparams$|^__params__$/ },
  { framework: "gguf", kind: "file", name: /\.gguf$/ },
  { framework: "gguf", kind: "shards", name: /\.gguf$/ },
  { framework: "npz", kind: "file", name: /\.npz$/ },
];

/** Files with weights' endings that are none. */
const NOT_WEIGHTS =
  /^(training_args|optimizer|optim_|scheduler|scaler|sampler|rng_state|random_states|custom_checkpoint|master_weights|golden|model_config)/;

/** What Lightning writes beside the distributed checkpoint that holds its weights: loops, schedules and hyperparameters. */
const LIGHTNING_META = "meta.pt";

/** Weights of other frameworks, which are named where there are no others. */
const FOREIGN = /\.(msgpack|h5|keras|onnx|tflite|pb|pt2|ckpt\.index|mlmodel|mar)$/;

/** The file in which DeepSpeed names the folder of its newest checkpoint. */
const LATEST = "latest";
const MAX_LATEST_BYTES = 1024;

/** Folders whose content is looked at, and choices that a message lists. */
const MAX_CHOICES = 20;

/** What a folder has beyond weights that can be opened, which `chooseWeightSet` says. */
interface Found {
  readonly sets: readonly WeightSet[];
  /** False where names say nothing of how the files belong together. */
  readonly isUsual: boolean;
}

/** Every set of weights in a folder, in the order in which one would be chosen. */
export async function findWeightSets(folder: string): Promise<readonly WeightSet[]> {
  return findIn(await listPlace(folder), folder).sets;
}

function findIn(listed: readonly string[], folder: string): Found {
  const isDistributed = listed.includes(DCP_TABLE) && listed.some(isDistributedPart);
  const names = listed
    .toSorted(byVariant)
    .filter((name) => !NOT_WEIGHTS.test(name) && !(isDistributed && name === LIGHTNING_META));
  const usual = PATTERNS.flatMap((pattern) => setsOf(pattern, names, folder));
  if (usual.length > 0) return { sets: usual, isUsual: true };
  return { sets: FALLBACK.flatMap((pattern) => setsOf(pattern, names, folder)), isUsual: false };
}

/**
 * The set that a folder's path stands for.
 * @throws WbError WB3006 when there is none, WB3008 when several could be meant, WB4005 and WB4006 for what training left.
 */
export async function chooseWeightSet(
  folder: string,
): Promise<{ readonly set: WeightSet; readonly notes: readonly string[] }> {
  const listed = await listPlace(folder);
  const training = deepSpeedSet(listed, folder);
  const { sets, isUsual } = findIn(
    training === undefined ? listed : listed.filter((name) => !name.endsWith("_states.pt")),
    folder,
  );
  const all = training === undefined ? sets : [...sets, training];
  const [first] = all;
  if (first === undefined) return chooseBelow(folder, listed);
  const set = completeSet(first, all, folder);
  const others = all.filter((one) => one !== set);
  if (!isUsual && new Set(all.map(stemOf)).size > 1) throw ambiguous(folder, all);
  const models = severalModels(set, listed);
  if (models.length > 1) throw severalSets(folder, models);
  const names = others.map(({ name }) => name).join(", ");
  const notes =
    others.length === 0 ? [] : [leftOut(`${folder}: taking ${set.name}; also there: ${names}`)];
  return { set, notes: [...notes, ...set.notes] };
}

/**
 * Of shards that were written twice in other numbers (`-of-00002` and `-of-00003`) those that are all there.
 * @throws WbError WB3008 where both are.
 */
function completeSet(set: WeightSet, all: readonly WeightSet[], folder: string): WeightSet {
  const rivals = all
    .filter(({ kind }) => kind === "shards")
    .filter((one) => seriesOf(one) === seriesOf(set));
  if (set.kind !== "shards" || rivals.length < 2) return set;
  const complete = rivals.filter(({ missing }) => missing.length === 0);
  const [only, ...more] = complete;
  if (more.length > 0) throw ambiguous(folder, complete, TWO_SERIES);
  return only ?? set;
}

/** Accelerate numbers the second and every further model that it saves: `model.safetensors`, `model_1.safetensors`. */
function severalModels({ kind, name }: WeightSet, listed: readonly string[]): readonly string[] {
  const dot = name.lastIndexOf(".");
  if (kind !== "file" || dot === -1) return [];
  const [stem, ending] = [name.slice(0, dot), name.slice(dot)];
  const isFurther = (other: string): boolean =>
    other.startsWith(`${stem}_`) &&
    other.endsWith(ending) &&
    /^\d+$/.test(other.slice(stem.length + 1, -ending.length));
  return [name, ...listed.filter(isFurther)];
}

/** The name of a set of shards but for their number. */
function seriesOf({ name }: WeightSet): string {
  return name.replace(/^\d+/, "");
}

const TWO_SERIES = "Move the shards that are not meant to another folder.";

/** Two files of one stem are the same weights in two formats. */
function stemOf({ kind, name }: WeightSet): string {
  return kind === "shards"
    ? name
    : name.replace(/\.index(\.[\w-]+)?\.json$/, "").replace(/\.[^.]*$/, "");
}

function ambiguous(folder: string, sets: readonly WeightSet[], hint?: string): WbError {
  return severalSets(
    folder,
    sets.map(({ name }) => name),
    hint,
  );
}

function severalSets(folder: string, names: readonly string[], hint?: string): WbError {
  const listed = names.slice(0, MAX_CHOICES).join(", ");
  const more = names.length > MAX_CHOICES ? ` and ${names.length - MAX_CHOICES} more` : "";
  return new WbError(
    "WB3008",
    `${folder}: holds ${names.length} sets of weights, and nothing says which is meant: ${listed}${more}`,
    { details: { path: folder, choices: names }, ...(hint === undefined ? {} : { hint }) },
  );
}

/** A folder without weights of its own: the newest checkpoint of DeepSpeed, or the folders below to choose from. */
async function chooseBelow(
  folder: string,
  listed: readonly string[],
): Promise<{ readonly set: WeightSet; readonly notes: readonly string[] }> {
  const distributed = distributedSet(listed, folder);
  if (distributed !== undefined) return { set: distributed, notes: [] };
  if (listed.some(isDistributedPart)) refuseDistributed(folder);
  const folders = await listFolders(folder);
  const latest = listed.includes(LATEST) ? await latestOf(folder) : undefined;
  if (latest !== undefined && folders.includes(latest)) {
    const below = await chooseWeightSet(join(folder, latest));
    return {
      ...below,
      notes: [`${folder}: taking ${latest}, which its file "latest" names`, ...below.notes],
    };
  }
  const choices: string[] = [];
  for (const name of folders.slice(0, MAX_CHOICES)) {
    const names = await listPlace(join(folder, name));
    const hasWeights =
      findIn(names, folder).sets.length > 0 || names.some((one) => isDistributedPart(one));
    if (hasWeights) choices.push(name);
  }
  if (choices.length === 0) {
    const foreign = listed.filter((name) => FOREIGN.test(name)).slice(0, MAX_CHOICES);
    const message =
      foreign.length === 0
        ? `${folder}: no file of weights in this folder`
        : `${folder}: no file of weights in this folder that weighbridge reads; there is ${foreign.join(", ")}`;
    throw new WbError("WB3006", message, {
      details: { path: folder },
    });
  }
  throw new WbError(
    "WB3008",
    `${folder}: no file of weights in this folder itself; in folders below: ${choices.join(", ")}`,
    { details: { path: folder, choices } },
  );
}

async function latestOf(folder: string): Promise<string | undefined> {
  const bytes = await readSmall(join(folder, LATEST), MAX_LATEST_BYTES);
  return bytes === undefined ? undefined : Buffer.from(bytes).toString("utf8").trim();
}

/** Plain names before those with a variant, then in the order of their letters. */
function byVariant(left: string, right: string): number {
  return left.split(".").length - right.split(".").length || (left < right ? -1 : 1);
}

function setsOf(
  pattern: SetPattern,
  names: readonly string[],
  folder: string,
): readonly WeightSet[] {
  const { framework, kind } = pattern;
  const fitting = names.filter((name) => pattern.name.test(name));
  if (kind === "ranks") return rankSet(framework, fitting, folder);
  // Recognised by all that is in the folder, not by a pattern.
  if (kind === "dcp" || kind === "zero") return [];
  if (kind === "shards")
    return numberedSets(
      fitting.filter((name) => !isIndexed(name, names)),
      folder,
    );
  return fitting
    .filter((name) => rankOfFile(name) === undefined && numberedName(name) === undefined)
    .map((name) => plainSet(framework, kind, name, folder));
}

/** Whether an index beside a shard speaks for it: `model.fp16-00001-of-00002.safetensors` has `model.safetensors.index.fp16.json`. */
function isIndexed(shard: string, names: readonly string[]): boolean {
  const place = numberedName(shard);
  if (place === undefined) return false;
  const [stem = "", ...variant] = place.stem.split(".");
  const middle = variant.length === 0 ? "" : `.${variant.join(".")}`;
  return [
    `${place.stem}${place.ending}.index.json`,
    `${stem}${place.ending}.index${middle}.json`,
  ].some((index) => names.includes(index));
}

function plainSet(
  framework: WeightSet["framework"],
  kind: "file" | "index",
  name: string,
  folder: string,
  notes: readonly string[] = [],
): WeightSet {
  return { framework, kind, path: join(folder, name), name, parts: [], missing: [], notes };
}

function rankSet(
  framework: WeightSet["framework"],
  names: readonly string[],
  folder: string,
): readonly WeightSet[] {
  const parts = names.flatMap((name) => {
    const rank = rankOfFile(name);
    return rank === undefined ? [] : [{ path: join(folder, name), rank }];
  });
  const [first] = parts;
  if (first === undefined) return [];
  // Meta numbers the only file of a model that is not split, too.
  if (parts.length === 1 && first.rank.tp === 0 && first.rank.pp === 0) {
    const name = basename(first.path);
    const note = `${folder}: ${name} is named as the first of parallel parts; no other is there, so it is taken for all`;
    return [plainSet(framework, "file", name, folder, [note])];
  }
  const has = new Set(parts.map(({ rank }) => `${rank.tp} ${rank.pp}`));
  const missing: string[] = [];
  for (let pp = 0; pp <= Math.max(...parts.map(({ rank }) => rank.pp)); pp++) {
    for (let tp = 0; tp <= Math.max(...parts.map(({ rank }) => rank.tp)); tp++)
      if (!has.has(`${tp} ${pp}`)) missing.push(`tensor rank ${tp}, pipeline stage ${pp}`);
  }
  const name = `${parts.length} parallel parts`;
  return [{ framework, kind: "ranks", path: folder, name, parts, missing, notes: [] }];
}
