import { WbError } from "../../errors/wb-error.ts";
import type { FileSource } from "../../sources/file.ts";
import { readSmall } from "../../sources/places.ts";
import { renderShape, rowMajorStrides, sameShape } from "../../tensor/shape.ts";
import { shownName } from "../../tensor/shown-name.ts";
import type { Checkpoint, StoredTensor } from "../../tensor/table.ts";
import { WHOLE_FILE } from "../pytorch/choose-state.ts";
import { parametersOfJson, parametersOfModel, type ProgramParameter } from "./program-names.ts";
import { rawTensors, type RawTensor } from "./raw-tensors.ts";

/** Largest program that we read, in bytes; those of large language models have some megabytes. */
const MAX_PROGRAM_BYTES = 256 * 2 ** 20;

/** Endings of a file of tensors, and those of the programs that name them. */
const PROGRAMS: readonly (readonly [tensors: RegExp, programs: readonly string[]])[] = [
  [/\.pdiparams$/, [".json", ".pdmodel"]],
  [/__params__$/, ["__model__"]],
];

/**
 * Opens tensors in Paddle's binary form (`.pdiparams` of paddle.jit.save): the file has no names, they are those of the program beside
 * it, in the order of their bytes (Paddle v3.3.1, save_combine).
 * @param select "." names the tensors by their positions instead.
 * @throws WbError WB3405 for a damaged file, WB3406 where the names are missing or are not those of these tensors, WB2710.
 */
export async function openPaddleBinary(
  source: FileSource,
  select: string | undefined,
): Promise<Checkpoint> {
  const { label } = source;
  const { tensors, end } = await rawTensors(source);
  if (end !== source.byteLength)
    throw new WbError(
      "WB3405",
      `${label}: after ${tensors.length} tensors no whole tensor follows at byte ${end} of ${source.byteLength}`,
      { details: { path: label, offset: end } },
    );
  const { names, notes } =
    select === WHOLE_FILE
      ? { names: tensors.map((_tensor, index) => `${index}`), notes: [] }
      : await namesOf(source, tensors, select);
  const facts = { format: "paddle", path: label, files: [label] } as const;
  return {
    ...facts,
    tensors: tensors.map((tensor, index) => storedTensor(names[index] ?? "", tensor, source)),
    skipped: [],
    notes,
    metadata: new Map(),
    close: () => source.close(),
  };
}

async function namesOf(
  { label }: FileSource,
  tensors: readonly RawTensor[],
  select: string | undefined,
): Promise<{ readonly names: readonly string[]; readonly notes: readonly string[] }> {
  if (select !== undefined)
    throw new WbError(
      "WB2710",
      `${label}: --select ${select}: the file has no keys; --select . names its tensors by their positions`,
      { details: { path: label, select, choices: [WHOLE_FILE] } },
    );
  const paths = PROGRAMS.flatMap(([ending, programs]) =>
    ending.test(label) ? programs.map((program) => label.replace(ending, program)) : [],
  );
  for (const path of paths) {
    const bytes = await readSmall(path, MAX_PROGRAM_BYTES);
    if (bytes === undefined) continue;
    const parameters = path.endsWith(".json")
      ? parametersOfJson(Buffer.from(bytes).toString("utf8"), path)
      : parametersOfModel(bytes, path);
    const sorted = parameters.toSorted((left, right) =>
      Buffer.compare(Buffer.from(left.name), Buffer.from(right.name)),
    );
    refuseOthers(sorted, tensors, path, label);
    const note = `${label}: the names are those of ${path}`;
    return { names: sorted.map(({ name }) => name), notes: [note] };
  }
  const wanted = paths.length === 0 ? "its program" : paths.join(" or ");
  throw new WbError(
    "WB3406",
    `${label}: ${tensors.length} tensors without names, which stand in ${wanted}, and that is not there`,
    { details: { path: label } },
  );
}

/** @throws WbError WB3406 unless each parameter is the tensor at its place. */
function refuseOthers(
  parameters: readonly ProgramParameter[],
  tensors: readonly RawTensor[],
  path: string,
  label: string,
): void {
  const fail = (problem: string): never => {
    throw new WbError("WB3406", `${path}: not the program of ${label}: ${problem}`, {
      details: { path },
    });
  };
  if (parameters.length !== tensors.length)
    fail(`${parameters.length} parameters in one, ${tensors.length} tensors in the other`);
  for (const [index, { name, dtype, shape }] of parameters.entries()) {
    if (name === parameters[index + 1]?.name) fail(`the name ${shownName(name)} occurs twice`);
    const tensor = tensors[index];
    if (tensor === undefined || (tensor.dtype === dtype && sameShape(tensor.shape, shape)))
      continue;
    fail(
      `${shownName(name)} is ${dtype ?? "of an unknown type"} ${renderShape(shape)} in one, ${tensor.dtype} ${renderShape(tensor.shape)} in the other`,
    );
  }
}

function storedTensor(name: string, tensor: RawTensor, source: FileSource): StoredTensor {
  const { dtype, shape, begin } = tensor;
  return {
    name,
    parameterName: name,
    dtype,
    shape,
    strides: rowMajorStrides(shape),
    source,
    byteOffset: begin,
    byteOrder: "little",
    storage: `${source.label}:${begin}`,
  };
}
