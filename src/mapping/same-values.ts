import { WbError } from "../errors/wb-error.ts";
import { assemblyOf, wholeView } from "./assembly.ts";
import type { Plan } from "./plan.ts";
import { readAssembly } from "./read-assembly.ts";
import { shownName } from "../tensor/shown-name.ts";
import type { StoredTensor } from "../tensor/table.ts";

/**
 * Makes sure that what is left out as a second copy is one.
 * @throws WbError WB3707.
 */
export async function refuseOtherCopies(
  copies: NonNullable<Plan["copies"]>,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (const { copy, of } of copies) {
    signal?.throwIfAborted();
    const [left, right] = await Promise.all([bytesOf(copy), bytesOf(of)]);
    if (copy.dtype === of.dtype && Buffer.from(left).equals(right)) continue;
    throw new WbError(
      "WB3707",
      `${shownName(copy.name)} and ${shownName(of.name)} are to be one parameter under two names, but their values differ here`,
      { details: { tensors: [copy.name, of.name] } },
    );
  }
}

function bytesOf(tensor: StoredTensor): Promise<Uint8Array> {
  return readAssembly(assemblyOf(wholeView(tensor)));
}
