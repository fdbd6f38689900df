import { WbError } from "../../errors/wb-error.ts";
import { readPickle } from "../../formats/pickle/read.ts";
import type { PickleReduce, PickleValue } from "../../formats/pickle/value.ts";
import type { ByteSource } from "../../tensor/byte-source.ts";
import type { Examination } from "../context.ts";
import { examined, notUnderstood, type Judgement } from "../judgement.ts";
import { isJoblibWrapper, standingOf } from "../names.ts";
import type { TracedGlobal } from "../pickle/stack.ts";
import { tracePickle } from "../pickle/trace.ts";
import { runsCode } from "./target.ts";

/** What an unpickler names, and what it does that cannot be told, in the order of the file. */
interface Reading {
  readonly globals: TracedGlobal[];
  readonly hidden: string[];
}

/** Names that are kept of one file; honest ones have thousands. */
const MAX_NAMES = 100_000;

/**
 * Judges what joblib.dump writes: a pickle in which the numbers of each array follow the opcode that builds its wrapper (joblib 1.6.0,
 * numpy_pickle.py, `NumpyArrayWrapper`), or a pickle of its own where the array holds objects. What it names is what joblib
 * imports; an unpickler that knows nothing of arrays reads their numbers as opcodes, and what that alone would import is told apart.
 * Undefined where any of it is otherwise.
 */
export async function examineJoblib(
  source: ByteSource,
  context: Examination,
): Promise<Judgement | undefined> {
  const read = await readJoblib(source, context.signal);
  if (read === undefined) return undefined;
  const listener = context.findings.listener(context);
  for (const global of read.globals) listener.onGlobal(global);
  const what = `a pickle of joblib with ${read.arrays} array${read.arrays === 1 ? "" : "s"}`;
  const plain = await readingOf(source, 0, context.signal);
  const known = new Set(read.globals.map(keyOf));
  const others = plain.globals.filter(
    (global) => !known.has(keyOf(global)) && standingOf(global.module, global.name) === "other",
  );
  for (const global of others)
    if (runsCode(`${global.module}.${global.name}`)) listener.onGlobal(global);
  const [first] = others;
  const other = first === undefined ? plain.hidden[0] : `it names ${first.module}.${first.name}`;
  if (other !== undefined)
    return notUnderstood(
      `${what}; Python's own unpickler takes the arrays for opcodes, and there ${other}`,
    );
  return examined(`${what}: what they hold stands between its opcodes`);
}

const keyOf = ({ offset, module, name }: TracedGlobal): string => `${offset} ${module} ${name}`;

function keep<T>(list: T[], value: T): void {
  if (list.length < MAX_NAMES) list.push(value);
}

async function readingOf(
  source: ByteSource,
  begin: number,
  signal: AbortSignal | undefined,
): Promise<Reading & { readonly end: number | undefined }> {
  const globals: TracedGlobal[] = [];
  const hidden: string[] = [];
  const { broken, end, frameEnd } = await tracePickle(
    source,
    begin,
    {
      onGlobal: (global) => {
        keep(globals, global);
      },
      onHidden: (_code, message, ends) => {
        if (ends !== true) keep(hidden, message);
      },
    },
    signal,
  );
  const isWhole = broken === undefined && frameEnd === undefined;
  return { globals, hidden, end: isWhole ? end : undefined };
}

/** What joblib.load names, and how many arrays it finds; undefined where it would stop, or not end with the file. */
async function readJoblib(
  source: ByteSource,
  signal: AbortSignal | undefined,
): Promise<{ readonly globals: readonly TracedGlobal[]; readonly arrays: number } | undefined> {
  const globals: TracedGlobal[] = [];
  const paddings: { readonly offset: number; readonly value: number }[] = [];
  let arrays = 0;
  const objectsAt = async (position: number): Promise<number> => {
    const inner = await readingOf(source, position, signal);
    if (inner.end === undefined || inner.hidden.length > 0)
      throw unlike(`${source.label}: byte ${position}`);
    globals.push(...inner.globals);
    return inner.end - position;
  };
  try {
    const { end } = await readPickle(source, 0, {
      allow: () => true,
      onGlobal: (global) => {
        if (globals.length >= MAX_NAMES) throw unlike(source.label);
        globals.push({ ...global, isWhole: true });
      },
      bytesBehind: (built, position) => {
        if (!isWrapper(built)) return 0;
        const { numbers, alignment } = arrayOf(built, source.label);
        arrays++;
        if (numbers === "objects") return objectsAt(position);
        if (alignment === undefined) return numbers;
        const padding = alignment - ((position + 1) % alignment);
        paddings.push({ offset: position, value: padding });
        return 1 + padding + numbers;
      },
      ...(signal === undefined ? {} : { signal }),
    });
    if (end !== source.byteLength) return undefined;
    // The byte itself says to joblib where the numbers begin.
    for (const { offset, value } of paddings)
      if ((await source.read(offset, 1))[0] !== value) return undefined;
  } catch (error) {
    if (error instanceof WbError) return undefined;
    throw error;
  }
  return { globals, arrays };
}

/** Made by its class, or before protocol 2 by copyreg for it. */
function isWrapper({ callable, args }: PickleReduce): boolean {
  if (isJoblibWrapper(callable.module, callable.name)) return true;
  const [made] = args.items;
  const isCopied = /^copy_?reg$/.test(callable.module) && callable.name === "_reconstructor";
  return isCopied && isGlobal(made, "joblib.numpy_pickle", "NumpyArrayWrapper");
}

const unlike = (where: string): WbError =>
  new WbError("WB4201", `${where}: an array that joblib would not write so`, {
    details: { where },
  });

/** How joblib writes how many bytes of numbers. @throws WbError WB4201 for what it does not write. */
function arrayOf(
  { state }: PickleReduce,
  label: string,
): { readonly numbers: number | "objects"; readonly alignment: number | undefined } {
  const fields = new Map(isDict(state) ? state.entries : []);
  const subclass = fields.get("subclass");
  const isKnown =
    isGlobal(subclass, "numpy", "ndarray") ||
    isGlobal(subclass, "numpy", "matrix") ||
    isGlobal(subclass, "numpy.matrixlib.defmatrix", "matrix");
  const size = itemBytes(fields.get("dtype"), 0);
  const shape = fields.get("shape");
  const alignment = fields.get("numpy_array_alignment_bytes");
  if (isKnown && size === "objects") return { numbers: size, alignment: undefined };
  if (isKnown && typeof size === "number" && isTuple(shape)) {
    let numbers = size;
    for (const length of shape.items)
      numbers *= typeof length === "number" && length >= 0 ? length : Number.NaN;
    const isAligned = typeof alignment === "number" && alignment > 0 && alignment < 256;
    if (
      Number.isSafeInteger(numbers) &&
      (isAligned || alignment === undefined || alignment === null)
    )
      return { numbers, alignment: isAligned ? alignment : undefined };
  }
  throw unlike(label);
}

/** Dtypes within dtypes that are followed. */
const MAX_PARTS = 8;

/** NPY_ITEM_HASOBJECT of numpy's ndarraytypes.h. */
const HAS_OBJECT = 1;

/** Bytes of an element of `numpy.dtype(code, False, True)`; undefined for what is neither numbers, texts, times nor objects. */
function itemBytes(dtype: PickleValue | undefined, depth: number): number | "objects" | undefined {
  if (!isReduce(dtype) || !isGlobal(dtype.callable, "numpy", "dtype")) return undefined;
  const [code] = dtype.args.items;
  const found = typeof code === "string" ? /^([biufcSUVmMO])(\d{1,6})$/.exec(code) : null;
  if (found === null || !isTuple(dtype.state) || depth > MAX_PARTS) return undefined;
  const [, , part, names, members, size, , flags] = dtype.state.items;
  if (part !== null) return undefined;
  const [, kind, digits] = found;
  if (kind !== "V") {
    if (names !== null || members !== null) return undefined;
    return kind === "O" ? "objects" : Number(digits) * (kind === "U" ? 4 : 1);
  }
  if (names === null && members === null) return Number(digits);
  if (!isTuple(names) || !isDict(members) || typeof size !== "number" || typeof flags !== "number")
    return undefined;
  if (members.entries.length !== names.items.length) return undefined;
  const parts = new Set(
    members.entries.map(([, member]) =>
      isTuple(member) ? itemBytes(member.items[0], depth + 1) : undefined,
    ),
  );
  if (parts.has(undefined)) return undefined;
  // The flag decides for numpy; where it and the parts do not agree, numpy did not write it.
  const hasObjects = parts.has("objects");
  if (hasObjects !== ((flags & HAS_OBJECT) !== 0)) return undefined;
  return hasObjects ? "objects" : size;
}

function isDict(value: PickleValue | undefined): value is Extract<PickleValue, { kind: "dict" }> {
  return typeof value === "object" && value?.kind === "dict";
}

function isTuple(value: PickleValue | undefined): value is Extract<PickleValue, { kind: "tuple" }> {
  return typeof value === "object" && value?.kind === "tuple";
}

function isReduce(value: PickleValue | undefined): value is PickleReduce {
  return typeof value === "object" && value?.kind === "reduce";
}

function isGlobal(value: PickleValue | undefined, module: string, name: string): boolean {
  return (
    typeof value === "object" &&
    value?.kind === "global" &&
    value.module === module &&
    value.name === name
  );
}
