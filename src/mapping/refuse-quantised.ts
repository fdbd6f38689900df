import { WbError } from "../errors/wb-error.ts";
import { quantisedTensors } from "../model/quantised.ts";
import type { Checkpoint } from "../tensor/table.ts";

/** What is quantised in a checkpoint, in one sentence without a subject; undefined where nothing is. */
export function quantisedNote({ tensors }: Checkpoint): string | undefined {
  const found = quantisedTensors(tensors.map(({ name }) => name));
  const [first] = found;
  if (first === undefined) return undefined;
  const kinds = [...new Set(found.values())].join(", ");
  return `quantised (${kinds}): ${found.size} of ${tensors.length} tensors are codes and scales, such as ${first[0]}`;
}

/** @throws WbError WB4703 for a model whose matrices are stored as codes and scales. */
export function refuseQuantised(checkpoint: Checkpoint): void {
  const note = quantisedNote(checkpoint);
  if (note === undefined) return;
  throw new WbError("WB4703", `${checkpoint.path}: ${note}`, {
    details: { path: checkpoint.path },
  });
}
