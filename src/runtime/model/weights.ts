import { crc32 } from "node:zlib";
import { WbError } from "../../errors/wb-error.ts";
import { wrongChecksum } from "../../formats/archive/inflated.ts";
import { wholeRecord } from "../../mapping/archive-records.ts";
import { narrowRows, transposedAssembly, type Assembly } from "../../mapping/assembly.ts";
import type { ModelConfig } from "../../model/config/model-config.ts";
import { readAssembly } from "../../mapping/read-assembly.ts";
import type { CheckedRecord } from "../../tensor/byte-source.ts";
import type { Dtype } from "../../tensor/dtype.ts";
import { shownName } from "../../tensor/shown-name.ts";
import { renderShape, sameShape } from "../../tensor/shape.ts";
import { checkWeightDtype } from "../backends/cast.ts";
import type { Ops, WeightBlocks, WeightBytes } from "../backends/ops.ts";
import { blocksOf, quantisedTypes, readBlocks } from "../../mapping/stored-rows.ts";
import { expectedTensors } from "../../model/tensors.ts";

/** Indices along the first axis, `end` not included. */
export interface RowRange {
  readonly begin: number;
  readonly end: number;
}

/**
 * Where a model gets its parameters from, by the names that the architecture has for them. Nothing is read before it is
 * asked for. A source that wraps another can put changed weights in the place of some.
 */
export interface WeightSource {
  /** Undefined when there is no such parameter. */
  facts(name: string): WeightFacts | undefined;
  /** The bytes of a parameter, or of some of its rows; the caller owns them. */
  read(name: string, rows?: RowRange): Promise<WeightBytes>;
  /** The same in quantised blocks, of parameters whose facts name blocks. A source without it has none. */
  readonly readBlocks?: (name: string, rows?: RowRange) => Promise<WeightBlocks>;
}

/** What is known of a parameter before it is read. */
export interface WeightFacts {
  readonly dtype: Dtype;
  /** Logical shape. */
  readonly shape: readonly number[];
  /** Types of the quantised blocks that it is stored in; none where it is not quantised. */
  readonly quantised?: readonly string[];
  /** The one type that it can be read in, where its rows are whole blocks. */
  readonly blocks?: string | undefined;
}

/**
 * Parameters out of a checkpoint's logical tensors, [out, in] by shape whatever their layout. What is a whole record of an archive is
 * held against its checksum when it is first read, unless `unchecked` leaves that to the caller.
 * @throws WbError WB3104 from `read`.
 */
export function assemblyWeights(
  assemblies: ReadonlyMap<string, Assembly>,
  { unchecked = false } = {},
): WeightSource {
  const checked = new Set<CheckedRecord>();
  const check = (name: string, assembly: Assembly, bytes: Uint8Array): void => {
    const record = unchecked ? undefined : wholeRecord(assembly);
    if (record === undefined || checked.has(record)) return;
    const found = crc32(bytes);
    if (found !== record.crc32)
      throw wrongChecksum(`tensor ${shownName(name)}: ${record.where}`, record.crc32, found);
    checked.add(record);
  };
  const known = new Map<string, WeightFacts>();
  return {
    facts: (name) => {
      const assembly = assemblies.get(name);
      const remembered = known.get(name);
      if (assembly === undefined || remembered !== undefined) return remembered;
      const { dtype, shape } = assembly;
      const quantised = quantisedTypes(assembly);
      const facts = { dtype, shape, quantised, blocks: blocksOf(assembly) };
      known.set(name, facts);
      return facts;
    },
    async read(name, rows) {
      const assembly = rowsOf(name, assemblies.get(name), rows);
      const { dtype, shape } = assembly;
      // A matrix that is stored as [in, out] is read in that order, without transposing it, and used as stored.
      const transposed = liesTransposed(assembly);
      const read = transposed ? transposedAssembly(assembly) : assembly;
      const bytes = await readAssembly(read);
      check(name, read, bytes);
      return { name, bytes, dtype, shape, transposed };
    },
    async readBlocks(name, rows) {
      const assembly = rowsOf(name, assemblies.get(name), rows);
      return { name, ...(await readBlocks(assembly)), shape: assembly.shape };
    },
  };
}

/** @throws WbError WB3780 where there is no such parameter. */
function rowsOf(name: string, whole: Assembly | undefined, rows: RowRange | undefined): Assembly {
  if (whole === undefined)
    throw new WbError("WB3780", `${name}: not in the checkpoint`, { details: { tensor: name } });
  return rows === undefined ? whole : narrowRows(whole, rows.begin, rows.end);
}

/** Bytes on a device of one element of a parameter. */
export function deviceElementBytes(
  device: Pick<Ops, "quantised" | "weightElementBytes">,
  facts: Pick<WeightFacts, "dtype" | "blocks"> | undefined,
): number {
  const inBlocks =
    facts?.blocks === undefined ? undefined : device.quantised?.elementBytes(facts.blocks);
  return inBlocks ?? device.weightElementBytes(facts?.dtype ?? "F32");
}

/** The blocks of a source as they are, for one that wraps it and changes no matrix that has some. */
export function passedOn({ readBlocks: read }: WeightSource): Pick<WeightSource, "readBlocks"> {
  return read === undefined ? {} : { readBlocks: (name, rows) => read(name, rows) };
}

/** True when going down a column of every part takes shorter steps in the file than going along a row. */
function liesTransposed({ shape, parts }: Assembly): boolean {
  return shape.length === 2 && parts.every(({ strides }) => (strides[0] ?? 0) < (strides[1] ?? 0));
}

/** Names that a message lists before it only counts. */
const LISTED = 4;

/**
 * Checks, before anything is read, that every parameter is there with the shape that the config asks for and a dtype that
 * can be computed with.
 * @throws WbError WB3780, WB4780.
 */
export function checkWeights(config: ModelConfig, source: WeightSource): void {
  const problems: string[] = [];
  for (const { name, shape } of expectedTensors(config)) {
    const facts = source.facts(name);
    if (facts === undefined) problems.push(`${name} ${renderShape(shape)} is missing`);
    else if (sameShape(facts.shape, shape)) checkWeightDtype(facts.dtype, name);
    else {
      const found = renderShape(facts.shape);
      problems.push(`${name}: expected ${renderShape(shape)}, found ${found}`);
    }
  }
  if (problems.length === 0) return;
  const more = problems.length > LISTED ? `; and ${problems.length - LISTED} more` : "";
  throw new WbError("WB3780", `${problems.slice(0, LISTED).join("; ")}${more}`, {
    details: { problems: problems.length },
  });
}
