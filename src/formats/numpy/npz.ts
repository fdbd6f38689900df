import { WbError } from "../../errors/wb-error.ts";
import type { FileSource } from "../../sources/file.ts";
import { sliceSource } from "../../sources/file.ts";
import type { ByteSource } from "../../tensor/byte-source.ts";
import { shownName } from "../../tensor/shown-name.ts";
import type { Checkpoint, StoredTensor } from "../../tensor/table.ts";
import { readZip, ZIP_MAGIC } from "../archive/zip.ts";
import { isAllowedGlobal } from "../pickle/allow.ts";
import { readPickle } from "../pickle/read.ts";
import { readNpy } from "./npy.ts";

const ENDING = ".npy";
/** Where a local header of a zip has the length of its name, and the name. */
const NAME_LENGTH_AT = 26;
const NAME_AT = 30;

/** Whether a file's first bytes are a zip whose first member is an array of numpy's, as `numpy.savez` writes it. */
export function isNpzHead(head: Uint8Array): boolean {
  if (head.byteLength < NAME_AT || !ZIP_MAGIC.every((byte, at) => head[at] === byte)) return false;
  const length = (head[NAME_LENGTH_AT] ?? 0) + 256 * (head[NAME_LENGTH_AT + 1] ?? 0);
  return Buffer.from(head.subarray(NAME_AT, NAME_AT + length))
    .toString("latin1")
    .endsWith(ENDING);
}

export interface NpzOptions {
  /** Lists arrays of objects as left out, instead of refusing the file for them. */
  readonly dataOnly?: boolean | undefined;
}

/**
 * Opens an archive of numpy's (`savez`, `savez_compressed`): a zip with one array a member. Arrays stay where they are.
 * @throws WbError of the zip's reader, WB3402, WB3403; WB5201 for objects that name what weights do not need, WB4401 for others.
 */
export async function openNpz(source: FileSource, options: NpzOptions = {}): Promise<Checkpoint> {
  const table = await readNpz(source, options);
  return {
    format: "npz",
    path: source.label,
    files: [source.label],
    ...table,
    metadata: new Map(),
    close: () => source.close(),
  };
}

/** As `openNpz`, from any bytes. */
export async function readNpz(
  source: ByteSource,
  { dataOnly = false }: NpzOptions = {},
): Promise<Pick<Checkpoint, "tensors" | "skipped">> {
  const tensors: StoredTensor[] = [];
  const skipped: { name: string; why: string }[] = [];
  for (const { name: member, data, unsupported } of await readZip(source)) {
    if (unsupported !== undefined) throw unsupported;
    if (!member.endsWith(ENDING)) {
      skipped.push({ name: member, why: `no array of numpy's: ${data.byteLength} bytes` });
      continue;
    }
    const name = member.slice(0, -ENDING.length);
    const where = `${source.label}: array ${shownName(name)}`;
    const array = await readNpy(data, where);
    if (array.kind === "numbers")
      tensors.push({ ...array.facts, name, storage: `${source.label}:${member}` });
    else if (array.kind === "other") skipped.push({ name, why: array.why });
    else if (dataOnly) skipped.push({ name, why: "an array of objects, which stayed unread" });
    else await refuseObjects(data, array.dataBegin, where);
  }
  if (tensors.length === 0)
    throw new WbError("WB3402", `${source.label}: no array of numbers in it`, {
      details: { where: source.label },
    });
  return { tensors, skipped };
}

/** An array of objects is a pickle: what it names is looked at as that of any other. */
async function refuseObjects(data: ByteSource, begin: number, where: string): Promise<never> {
  const pickle = sliceSource(data, begin, data.byteLength - begin, where);
  await readPickle(pickle, 0, { allow: isAllowedGlobal });
  throw new WbError("WB4401", `${where}: it holds objects, not numbers`, { details: { where } });
}
