import type { OutputFile } from "../convert/staging/file-system.ts";
import { WbError } from "../errors/wb-error.ts";
import { buildSafetensorsHeader, type TensorFacts } from "../formats/safetensors/build-header.ts";
import { byteCount } from "../tensor/shape.ts";

/** A safetensors file whose tensors are written in whatever order they are made. */
export interface FactorFile {
  readonly byteLength: number;
  begin(output: OutputFile): Promise<void>;
  /** Writes a piece of a tensor, and reads it back. @param at Bytes from the tensor's first. @throws WbError WB1901. */
  write(output: OutputFile, name: string, bytes: Uint8Array, at?: number): void;
}

export function factorFile(tensors: readonly TensorFacts[], path: string): FactorFile {
  const layout = buildSafetensorsHeader(tensors, new Map([["format", "pt"]]), path);
  const places = new Map<string, number>();
  let end = layout.header.byteLength;
  for (const { name, dtype, shape } of layout.tensors) {
    places.set(name, end);
    end += byteCount(shape, dtype) ?? 0;
  }
  return {
    byteLength: end,
    begin: async (output) => {
      await output.setSize(end);
      await output.write(layout.header, 0);
    },
    write: (output, name, bytes, at = 0) => {
      const place = places.get(name);
      if (place === undefined) throw new WbError("WB7001", `${name} was not planned`);
      output.writeNow(bytes, place + at);
      const found = Buffer.allocUnsafe(bytes.byteLength);
      if (output.readNow(found, place + at) === bytes.byteLength && found.equals(bytes)) return;
      throw new WbError(
        "WB1901",
        `${output.path}: tensor ${name} was read back otherwise than it was written`,
        { details: { path: output.path, tensor: name } },
      );
    },
  };
}
