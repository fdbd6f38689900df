import { check as checkModel, type CheckOptions, type CheckResult } from "../api/check.ts";
import { inspect as inspectModel, type InspectOptions, type Inspection } from "../api/inspect.ts";
import { scan as scanPlace, type ScanOptions, type ScanResult } from "../api/scan.ts";
import { WbError } from "../errors/wb-error.ts";
import {
  openCheckpoint as open,
  type OpenedCheckpoint,
  type OpenOptions,
} from "../formats/open.ts";
import { assemblyOf, wholeView } from "../mapping/assembly.ts";
import { nearestName } from "../model/nearest.ts";
import { readAssembly } from "../mapping/read-assembly.ts";
import { checkOptions, checkPath } from "../options/check-options.ts";
import { decodeValues } from "../tensor/decode.ts";
import type { Dtype } from "../tensor/dtype.ts";
import type { Checkpoint } from "../tensor/table.ts";
import { CHECK, INSPECT, OPEN, SCAN } from "./rules.ts";

export type { CheckOptions, CheckResult } from "../api/check.ts";
export type { InspectedTensor, InspectOptions, Inspection } from "../api/inspect.ts";
export type { ScannedFile, ScanOptions, ScanResult } from "../api/scan.ts";
export type { OpenedCheckpoint, OpenOptions } from "../formats/open.ts";
export type { ByteSource } from "../tensor/byte-source.ts";
export type { Dtype } from "../tensor/dtype.ts";
export type { Checkpoint, CheckpointFormat, StoredTensor } from "../tensor/table.ts";

/** What a checkpoint holds, from its headers. @throws WbError WB2001, and those of the readers. */
export async function inspect(path: string, options?: InspectOptions): Promise<Inspection> {
  checkPath("inspect", "path", path);
  checkOptions("inspect", options, INSPECT);
  return inspectModel(path, options);
}

/** Holds a checkpoint against its own headers, its index and its config.json. @throws WbError WB2001, and those of the readers. */
export async function check(path: string, options?: CheckOptions): Promise<CheckResult> {
  checkPath("check", "path", path);
  checkOptions("check", options, CHECK);
  return checkModel(path, options);
}

/** What loading a file or folder in Python would import; nothing is run. @throws WbError WB2001, and those of the readers. */
export async function scan(path: string, options?: ScanOptions): Promise<ScanResult> {
  checkPath("scan", "path", path);
  checkOptions("scan", options, SCAN);
  return scanPlace(path, options);
}

/**
 * Opens weights of any format and reads their headers; tensors are read when asked for. The caller closes the checkpoint.
 * @param path A file, an index, a folder, https://… or hf:org/name@revision.
 * @throws WbError WB2001, and those of the format's reader.
 */
export async function openCheckpoint(
  path: string,
  options?: OpenOptions,
): Promise<OpenedCheckpoint> {
  checkPath("openCheckpoint", "path", path);
  checkOptions("openCheckpoint", options, OPEN);
  return open(path, options);
}

/** A tensor's elements, as they are stored. */
export interface ReadTensor {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** Little-endian and row-major, whatever the file's order and strides are. */
  readonly bytes: Uint8Array;
  /**
   * The elements as float64, exact but for 64-bit integers beyond 2^53; a complex number is two of them.
   * @throws WbError WB4303 for a dtype that has no numbers, such as packed 4-bit floats.
   */
  readonly values: () => Float64Array;
}

/**
 * Reads one tensor of an open checkpoint whole.
 * @param name As the checkpoint has it; a name that several ranks have needs `rank`.
 * @throws WbError WB2001 for a name that there is not; WB3001, WB6002 and others of reading.
 */
export async function readTensor(
  checkpoint: Checkpoint,
  name: string,
  rank?: { readonly tp: number; readonly pp: number },
): Promise<ReadTensor> {
  const named = checkpoint.tensors.filter((tensor) => tensor.name === name);
  const found = named.filter(
    (tensor) => rank === undefined || (tensor.rank?.tp === rank.tp && tensor.rank.pp === rank.pp),
  );
  const [tensor] = found;
  if (tensor === undefined || found.length > 1) throw notOne(checkpoint, name, found.length);
  const { dtype, shape } = tensor;
  const bytes = await readAssembly(assemblyOf(wholeView(tensor)));
  return {
    name,
    dtype,
    shape,
    bytes,
    values: () => {
      const values = decodeValues(bytes, dtype);
      if (values !== undefined) return values;
      throw new WbError("WB4303", `${checkpoint.path}: tensor ${name}: ${dtype} has no numbers`, {
        details: { where: checkpoint.path },
      });
    },
  };
}

function notOne({ path, tensors }: Checkpoint, name: string, count: number): WbError {
  const names = [...new Set(tensors.map((tensor) => tensor.name))];
  const near = nearestName(name, names);
  const what =
    count > 1
      ? `${count} ranks have a tensor ${name}: say which`
      : `has no tensor ${name}${near === undefined ? "" : `; did you mean ${near}?`}`;
  return new WbError("WB2001", `readTensor: ${path}: ${what}`, {
    hint: "`checkpoint.tensors` lists the names, and the ranks where there are some.",
    details: { tensor: name, near: near ?? null },
  });
}
