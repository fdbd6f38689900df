import { join } from "node:path";
import { WbError } from "../../errors/wb-error.ts";
import { sliceSource, type FileSource } from "../../sources/file.ts";
import { openPlace } from "../../sources/places.ts";
import { dtypeRow } from "../../tensor/dtype.ts";
import { renderShape, rowMajorStrides, sameShape } from "../../tensor/shape.ts";
import { shownName } from "../../tensor/shown-name.ts";
import type { Checkpoint, StoredTensor } from "../../tensor/table.ts";
import type { PickleDict, PickleValue } from "../pickle/value.ts";
import { chooseState, flattenChosen, isCounter } from "../pytorch/choose-state.ts";
import { readPytorchZip } from "../pytorch/zip.ts";
import { isPlainFileName } from "../sets/index-file.ts";
import { DCP_TABLE } from "../sets/training-folder.ts";
import { damaged, readDcpTable, type ChunkPlace, type DcpTable } from "./metadata.ts";
import { tiledSource, tilesFill, type Tile } from "./tiles.ts";

export interface DcpOptions {
  /** A path of keys to the state that is taken; "." takes all of it. */
  readonly select?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Opens a folder that torch.distributed.checkpoint saved (`.metadata` and `.distcp` files): each tensor is put together from its
 * chunks as it is read. The model's state is taken as from a file of torch.save.
 * @throws WbError WB3607 where table and chunks do not fit, WB4005 for encoded chunks, and those of torch's readers.
 */
export async function openDcp(folder: string, options: DcpOptions = {}): Promise<Checkpoint> {
  const tableSource = await openPlace(join(folder, DCP_TABLE), options.signal);
  const table = await readAndClose(tableSource);
  const files = new Map<string, FileSource>();
  const close = async (): Promise<void> => {
    for (const file of files.values()) await file.close();
  };
  const open = async (name: string): Promise<FileSource> => {
    const known = files.get(name);
    if (known !== undefined) return known;
    if (!isPlainFileName(name))
      throw new WbError("WB5601", `${folder}: its table names ${JSON.stringify(name)}`, {
        details: { path: folder, file: name },
      });
    const opened = await openPlace(join(folder, name), options.signal);
    files.set(name, opened);
    return opened;
  };
  try {
    const { chosen, skipped, notes } = chooseEntries(table, folder, options.select);
    const places = new Map<string, ChunkPlace[]>();
    for (const place of table.places)
      places.set(place.key, [...(places.get(place.key) ?? []), place]);
    const tensors: StoredTensor[] = [];
    for (const { name, key } of chosen)
      tensors.push(await tensorOf(name, key, table, places.get(key) ?? [], open, folder));
    if (tensors.length === 0)
      throw new WbError("WB3306", `${folder}: no tensors in it`, { details: { path: folder } });
    const paths = [DCP_TABLE, ...files.keys()].map((name) => join(folder, name));
    const facts = { format: "torch-dcp", path: folder, files: paths } as const;
    return { ...facts, tensors, skipped, notes, metadata: new Map(), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function readAndClose(source: FileSource): Promise<DcpTable> {
  try {
    return await readDcpTable(source);
  } finally {
    await source.close();
  }
}

/** The entries that are the model's, under the names that they have in its state. */
function chooseEntries(
  table: DcpTable,
  folder: string,
  select: string | undefined,
): Pick<Checkpoint, "skipped" | "notes"> & {
  readonly chosen: readonly { readonly name: string; readonly key: string }[];
} {
  const root: PickleDict = { kind: "dict", entries: [] };
  for (const key of table.keys) put(root, table.paths.get(key) ?? [key], leafOf(key, table));
  const state = chooseState(root, folder, isTensor, select);
  const skipped: { name: string; why: string }[] = [...state.leftOut];
  const chosen: { name: string; key: string }[] = [];
  for (const { name, value } of flattenChosen(state, folder, isTensor)) {
    const key = keyOf(value);
    const shape = table.tensors.get(key ?? "")?.shape ?? [];
    if (key === undefined) skipped.push({ name, why: "not a tensor: an object that was pickled" });
    else if (select === undefined && isCounter(name, shape))
      skipped.push({ name, why: `a counter of the training, ${renderShape(shape)}` });
    else chosen.push({ name, key });
  }
  return { chosen, skipped, notes: state.notes };
}

function isTensor(value: PickleValue): boolean {
  return keyOf(value) !== undefined;
}

/** An entry stands for its tensor by its key. */
function leafOf(key: string, { tensors }: DcpTable): PickleValue {
  return tensors.has(key) ? { kind: "persistent", id: key, offset: 0 } : null;
}

function keyOf(value: PickleValue): string | undefined {
  if (typeof value !== "object" || value?.kind !== "persistent") return undefined;
  return typeof value.id === "string" ? value.id : undefined;
}

function put(root: PickleDict, path: readonly (string | number)[], leaf: PickleValue): void {
  let dict = root;
  for (const [at, key] of path.entries()) {
    if (at === path.length - 1) {
      dict.entries.push([key, leaf]);
      return;
    }
    const known = dict.entries.find(([one]) => one === key)?.[1];
    if (typeof known === "object" && known?.kind === "dict") dict = known;
    else {
      const next: PickleDict = { kind: "dict", entries: [] };
      dict.entries.push([key, next]);
      dict = next;
    }
  }
}

async function tensorOf(
  name: string,
  key: string,
  table: DcpTable,
  places: readonly ChunkPlace[],
  open: (file: string) => Promise<FileSource>,
  folder: string,
): Promise<StoredTensor> {
  const where = `${folder}: tensor ${shownName(name)}`;
  const { shape, chunks } = table.tensors.get(key) ?? { shape: [], chunks: [] };
  const tiles: Tile[] = [];
  for (const place of places) {
    const offsets = place.offsets ?? shape.map(() => 0);
    const chunk = chunks.find((one) => sameShape(one.offsets, offsets));
    if (chunk === undefined)
      throw damaged(folder, `${name} has no chunk at ${renderShape(offsets)}`);
    tiles.push({ ...chunk, tensor: await chunkTensor(place, await open(place.file), where) });
  }
  const [first] = tiles;
  const isOneDtype = tiles.every(({ tensor }) => tensor.dtype === first?.tensor.dtype);
  const haveShapes = tiles.every(({ sizes, tensor }) => sameShape(sizes, tensor.shape));
  if (first === undefined || !isOneDtype || !haveShapes || !tilesFill(tiles, shape))
    throw damaged(
      folder,
      `the ${tiles.length} chunks of ${name} do not make ${renderShape(shape)}`,
    );
  const { dtype, byteOrder } = first.tensor;
  const storage = `${folder}:${key}`;
  if (tiles.length === 1) return { ...first.tensor, name, storage };
  const source = tiledSource(where, shape, dtypeRow(dtype).bits / 8, tiles);
  return {
    name,
    dtype,
    shape,
    strides: rowMajorStrides(shape),
    source,
    byteOffset: 0,
    byteOrder,
    storage,
  };
}

/** A chunk is what torch.save writes of it, somewhere in a file. */
async function chunkTensor(
  { file, begin, byteLength, isEncoded, key }: ChunkPlace,
  source: FileSource,
  where: string,
): Promise<StoredTensor> {
  if (isEncoded)
    throw new WbError("WB4005", `${where}: its chunks were encoded further (compressed)`, {
      details: { path: source.label },
    });
  if (begin + byteLength > source.byteLength)
    throw damaged(
      source.label,
      `${key} ends at byte ${begin + byteLength} of ${file}, which has ${source.byteLength}`,
    );
  const bytes = sliceSource(source, begin, byteLength, source.label);
  const { tensors } = await readPytorchZip(bytes, { select: "." });
  const [tensor, ...more] = tensors;
  if (tensor === undefined || more.length > 0)
    throw damaged(source.label, `${key}: ${tensors.length} tensors where one was saved`);
  return tensor;
}
