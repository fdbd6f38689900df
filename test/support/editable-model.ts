import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openCheckpoint } from "../../src/formats/open.ts";
import { writeSafetensors } from "../../src/formats/safetensors/save.ts";
import { canonicalTensors } from "../../src/mapping/canonical.ts";
import { parseModelConfig } from "../../src/model/config/parse.ts";
import { readAssembly } from "../../src/mapping/read-assembly.ts";
import { decodeValues } from "../../src/tensor/decode.ts";
import { f32Bits, f32BitsToBf16, f32BitsToF16 } from "../../src/tensor/float-bits.ts";

export type FloatDtype = "F16" | "BF16" | "F32";

export interface Values {
  readonly shape: readonly number[];
  readonly data: Float32Array;
  /** What it is stored as; F16 when left out. */
  readonly dtype?: FloatDtype;
}

/** A small model in memory that can be damaged and written again, as safetensors under Hugging Face's names. */
export class EditableModel {
  readonly config: Record<string, unknown>;
  readonly #tensors: Map<string, Values>;
  readonly #labels = new Map<string, FloatDtype>();
  readonly #swapped = new Set<string>();

  constructor(config: Record<string, unknown>, tensors: ReadonlyMap<string, Values>) {
    this.config = config;
    this.#tensors = new Map(tensors);
  }

  copy(): EditableModel {
    return new EditableModel({ ...this.config }, this.#tensors);
  }

  names(): readonly string[] {
    return [...this.#tensors.keys()];
  }

  get(name: string): Values {
    const values = this.#tensors.get(name);
    if (values === undefined) throw new Error(`no tensor ${name}`);
    return values;
  }

  set(name: string, values: Values): void {
    this.#tensors.set(name, values);
  }

  delete(name: string): void {
    this.#tensors.delete(name);
  }

  /** Leaves the bits as they are, and calls them something else. */
  relabel(name: string, dtype: FloatDtype): void {
    this.#labels.set(name, dtype);
  }

  /** Writes the bytes of each element in the other order. */
  swapBytes(name: string): void {
    this.#swapped.add(name);
  }

  async write(folder: string): Promise<void> {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "config.json"), JSON.stringify(this.config));
    const tensors = [...this.#tensors].map(([name, { shape, data, dtype = "F16" }]) => {
      const bytes = encoded(data, dtype);
      if (this.#swapped.has(name)) swapBytes(bytes, dtype);
      return { name, dtype: this.#labels.get(name) ?? dtype, shape, bytes };
    });
    await writeSafetensors(join(folder, "model.safetensors"), tensors, new Map([["format", "pt"]]));
  }
}

function swapBytes(bytes: Buffer, dtype: FloatDtype): void {
  if (dtype === "F32") bytes.swap32();
  else bytes.swap16();
}

/** The bytes of values in a dtype. */
function encoded(data: Float32Array, dtype: FloatDtype): Buffer {
  if (dtype === "F32") return Buffer.from(data.slice().buffer);
  const bitsOf = dtype === "F16" ? f32BitsToF16 : f32BitsToBf16;
  return Buffer.from(Uint16Array.from(data, (value) => bitsOf(f32Bits(value))).buffer);
}

/** Reads a model whole. */
export async function readEditable(path: string, configText: string): Promise<EditableModel> {
  const { checkpoint } = await openCheckpoint(path);
  try {
    const tensors = new Map<string, Values>();
    const parsed = parseModelConfig(configText, "config.json");
    for (const [name, assembly] of canonicalTensors(checkpoint, parsed)) {
      const values = decodeValues(await readAssembly(assembly), assembly.dtype) ?? [];
      const dtype = assembly.dtype === "BF16" || assembly.dtype === "F32" ? assembly.dtype : "F16";
      tensors.set(name, { shape: assembly.shape, data: Float32Array.from(values), dtype });
    }
    return new EditableModel({ ...parsed.raw }, tensors);
  } finally {
    await checkpoint.close();
  }
}
