import type { ByteSource } from "../../src/tensor/byte-source.ts";
import { memorySource } from "../../src/sources/file.ts";

/** One entry of a header as it should be; builders of broken files change what they need. */
export interface HeaderEntry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly number[];
}

/** Bytes of a safetensors file with this header text, whatever it says, and this many bytes of data behind it. */
export function safetensorsBytes(
  header: string,
  dataBytes: number,
  headerLength?: bigint,
): Uint8Array {
  const text = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + text.byteLength + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, headerLength ?? BigInt(text.byteLength), true);
  bytes.set(text, 8);
  for (let index = 0; index < dataBytes; index++) bytes[8 + text.byteLength + index] = index % 251;
  return bytes;
}

/** A well-formed header of F32 vectors of these lengths, one after another. */
export function vectorsHeader(lengths: ReadonlyMap<string, number>): string {
  const entries = new Map<string, HeaderEntry>();
  let begin = 0;
  for (const [name, length] of lengths) {
    entries.set(name, { dtype: "F32", shape: [length], data_offsets: [begin, begin + 4 * length] });
    begin += 4 * length;
  }
  return JSON.stringify(Object.fromEntries(entries));
}

export function safetensorsSource(
  header: string,
  dataBytes: number,
  headerLength?: bigint,
): ByteSource {
  return memorySource(safetensorsBytes(header, dataBytes, headerLength), "model.safetensors");
}
