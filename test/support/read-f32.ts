import { openCheckpoint } from "../../src/formats/open.ts";
import { readAssembly } from "../../src/mapping/read-assembly.ts";

/** All F32 tensors of a file whose name ends in `suffix`, by name. */
export async function readF32(path: string, suffix: string): Promise<Map<string, Float32Array>> {
  const { checkpoint } = await openCheckpoint(path);
  const found = new Map<string, Float32Array>();
  try {
    for (const tensor of checkpoint.tensors) {
      const { name, dtype, shape, strides } = tensor;
      if (dtype !== "F32" || !name.endsWith(suffix)) continue;
      const whole = { tensor, elementOffset: 0, shape, strides };
      const bytes = await readAssembly({ dtype, shape, axis: 0, parts: [whole] });
      found.set(name, new Float32Array(Uint8Array.from(bytes).buffer));
    }
  } finally {
    await checkpoint.close();
  }
  return found;
}
