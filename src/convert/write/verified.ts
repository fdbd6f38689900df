import { stat } from "node:fs/promises";
import { join } from "node:path";
import { WbError } from "../../errors/wb-error.ts";
import { fileBytes } from "../../formats/file-plan.ts";
import { openCheckpoint } from "../../formats/open.ts";
import { WHOLE_FILE } from "../../formats/pytorch/choose-state.ts";
import { renderShape } from "../../tensor/shape.ts";
import type { OutputPlan, OutputTensor } from "../output-tensor.ts";
import { exists } from "../staging/file-system.ts";
import type { Target } from "../staging/target-folder.ts";
import type { TensorOutcome } from "./tensor.ts";

/**
 * Makes sure that a file which was just written is whole, and that it is one for any reader.
 * @throws WbError WB1901, WB1902.
 */
export async function refuseOther(
  file: OutputPlan,
  target: Target,
  outcomes: ReadonlyMap<string, TensorOutcome>,
): Promise<void> {
  const staged = join(target.staging, file.name);
  const path = (await exists(staged)) ? staged : join(target.folder, file.name);
  const { size } = await stat(path);
  const tensors = file.segments.filter(({ kind }) => kind === "tensor").length;
  if (outcomes.size === tensors && size === fileBytes(file)) return refuseUnreadable(file, path);
  throw new WbError(
    "WB1901",
    `${path}: has ${size} bytes and ${outcomes.size} tensors as written, expected ${fileBytes(file)} and ${tensors}`,
    { details: { path } },
  );
}

/** Opens the file as any reader would: it must hold what was planned, name by name. @throws WbError WB1902. */
async function refuseUnreadable(file: OutputPlan, path: string): Promise<void> {
  const planned = file.segments.flatMap((segment) =>
    segment.kind === "tensor" ? [factsOf(segment.tensor)] : [],
  );
  if (planned.length === 0) return;
  const found = await readFacts(path, new Set(file.made));
  const missing = planned.filter((facts) => !found.has(facts));
  if (missing.length === 0 && found.size === planned.length) return;
  throw new WbError(
    "WB1902",
    `${path}: holds ${found.size} tensors when it is opened again, expected ${planned.length}; not as planned: ${missing.slice(0, 3).join("; ")}`,
    { details: { path } },
  );
}

/** @param made Tensors that no step makes. */
async function readFacts(path: string, made: ReadonlySet<string>): Promise<ReadonlySet<string>> {
  try {
    // As it is: what looks like a counter or a tool's word was asked for by name.
    const { checkpoint } = await openCheckpoint(path, { selection: { select: WHOLE_FILE } });
    await checkpoint.close();
    return new Set(checkpoint.tensors.filter(({ name }) => !made.has(name)).map(factsOf));
  } catch (error) {
    throw new WbError(
      "WB1902",
      `${path}: cannot be opened again: ${error instanceof Error ? error.message : String(error)}`,
      { details: { path }, cause: error },
    );
  }
}

function factsOf({
  name,
  dtype,
  shape,
  quantised,
}: Pick<OutputTensor, "name" | "dtype" | "shape"> & {
  readonly quantised?: string | { readonly type: string };
}): string {
  const type = typeof quantised === "object" ? quantised.type : quantised;
  return `${JSON.stringify(name)} ${type ?? dtype} ${renderShape(shape)}`;
}
