import { createHash } from "node:crypto";
import { openCheckpoint, type Selection } from "../../src/formats/open.ts";
import { readAssembly } from "../../src/mapping/read-assembly.ts";

/** [dtype, shape, sha256 of the little-endian row-major bytes] */
export type Facts = readonly [string, readonly number[], string];

/** Every tensor of a checkpoint, by the name it is stored under. */
export async function storedFacts(
  path: string,
  selection?: Selection,
): Promise<Record<string, Facts>> {
  const { checkpoint } = await openCheckpoint(path, { selection });
  const facts: [string, Facts][] = [];
  try {
    for (const tensor of checkpoint.tensors) {
      const { name, dtype, shape, strides } = tensor;
      const whole = { tensor, elementOffset: 0, shape, strides };
      const bytes = await readAssembly({ dtype, shape, axis: 0, parts: [whole] });
      facts.push([name, [dtype, shape, createHash("sha256").update(bytes).digest("hex")]]);
    }
  } finally {
    await checkpoint.close();
  }
  // fromEntries defines "__proto__" as an own key, where assignment would not.
  return Object.fromEntries(facts);
}
