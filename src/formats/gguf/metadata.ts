/** A value of the metadata with its type, as it is written. */
export type GgufWritten =
  | { readonly type: "u32" | "u16" | "i32" | "f32"; readonly value: number }
  | { readonly type: "flag"; readonly value: boolean }
  | { readonly type: "text"; readonly value: string }
  | { readonly type: "texts"; readonly value: readonly string[] }
  | { readonly type: "f32s" | "i32s"; readonly value: readonly number[] };

/** Keys in the order in which they are written. */
export type GgufKeys = ReadonlyMap<string, GgufWritten>;

/** Numbers of the types (ggml, docs/gguf.md, `gguf_metadata_value_type`). */
const CODES = { u16: 2, u32: 4, i32: 5, f32: 6, flag: 7, text: 8 } as const;
const ARRAY = 9;

/** Collects bytes of a header, little-endian. */
export class GgufBytes {
  readonly #parts: Uint8Array[] = [];
  byteLength = 0;

  bytes(bytes: Uint8Array): this {
    this.#parts.push(bytes);
    this.byteLength += bytes.byteLength;
    return this;
  }

  u32(value: number): this {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(value);
    return this.bytes(bytes);
  }

  u64(value: number): this {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(BigInt(value));
    return this.bytes(bytes);
  }

  text(text: string): this {
    const bytes = Buffer.from(text);
    return this.u64(bytes.byteLength).bytes(bytes);
  }

  key(name: string, written: GgufWritten): this {
    this.text(name);
    switch (written.type) {
      case "texts": {
        const { value } = written;
        this.u32(ARRAY).u32(CODES.text).u64(value.length);
        for (const text of value) this.text(text);
        return this;
      }
      case "f32s":
        return this.array(CODES.f32, Float32Array.from(written.value));
      case "i32s":
        return this.array(CODES.i32, Int32Array.from(written.value));
      case "text":
        return this.u32(CODES.text).text(written.value);
      case "flag":
        return this.u32(CODES.flag).bytes(Uint8Array.of(written.value ? 1 : 0));
      case "u16":
        return this.u32(CODES.u16).u16(written.value);
      case "u32":
        return this.u32(CODES.u32).u32(written.value);
      case "i32":
        return this.u32(CODES.i32).numbers(Int32Array.of(written.value));
      case "f32":
        return this.u32(CODES.f32).numbers(Float32Array.of(written.value));
      default:
        return written satisfies never;
    }
  }

  array(code: number, values: Float32Array | Int32Array): this {
    return this.u32(ARRAY).u32(code).u64(values.length).numbers(values);
  }

  u16(value: number): this {
    const bytes = Buffer.alloc(2);
    bytes.writeUInt16LE(value);
    return this.bytes(bytes);
  }

  numbers(values: Float32Array | Int32Array): this {
    return this.bytes(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  }

  /** Zeros up to a multiple of `alignment`. */
  pad(alignment: number): this {
    return this.bytes(padding(this.byteLength, alignment));
  }

  whole(): Uint8Array {
    return Buffer.concat(this.#parts);
  }
}

/** Zeros that are missing to a multiple of `alignment`. */
export function padding(length: number, alignment: number): Uint8Array {
  return new Uint8Array((alignment - (length % alignment)) % alignment);
}
