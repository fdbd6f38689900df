/** What a GGUF file says; what is left out is as a real one has it. */
export interface GgufShape {
  readonly version?: number;
  readonly isBig?: boolean;
  /** What the header says there is, where that is not what follows. */
  readonly tensorCount?: bigint;
  readonly keyCount?: bigint;
  readonly metadata?: readonly GgufKey[];
  readonly tensors?: readonly GgufTensor[];
  readonly alignment?: number;
  /** Bytes behind the header and its padding. */
  readonly data?: Uint8Array;
}

/** Type and value, as bytes of the header's order. */
export interface GgufKey {
  readonly key: string;
  readonly type: number;
  readonly value: (out: GgufWriter) => void;
}

export interface GgufTensor {
  readonly name: string | Uint8Array;
  /** Fastest first, as the file has them. */
  readonly dimensions: readonly (number | bigint)[];
  readonly type: number;
  readonly offset: number | bigint;
}

/** Writes numbers in one byte order. */
export class GgufWriter {
  readonly #parts: Uint8Array[] = [];
  readonly #isLittle: boolean;

  constructor(isLittle: boolean) {
    this.#isLittle = isLittle;
  }

  get byteLength(): number {
    return this.#parts.reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  bytes(bytes: Uint8Array): void {
    this.#parts.push(bytes);
  }

  u32(value: number): void {
    const view = new DataView(new ArrayBuffer(4));
    view.setUint32(0, value, this.#isLittle);
    this.bytes(new Uint8Array(view.buffer));
  }

  f32(value: number): void {
    const view = new DataView(new ArrayBuffer(4));
    view.setFloat32(0, value, this.#isLittle);
    this.bytes(new Uint8Array(view.buffer));
  }

  u64(value: number | bigint): void {
    const view = new DataView(new ArrayBuffer(8));
    view.setBigUint64(0, BigInt.asUintN(64, BigInt(value)), this.#isLittle);
    this.bytes(new Uint8Array(view.buffer));
  }

  text(text: string | Uint8Array): void {
    const bytes = typeof text === "string" ? Buffer.from(text) : text;
    this.u64(bytes.byteLength);
    this.bytes(bytes);
  }

  whole(): Uint8Array {
    return Buffer.concat(this.#parts);
  }
}

export function textKey(key: string, text: string): GgufKey {
  return { key, type: 8, value: (out) => out.text(text) };
}

export function flagKey(key: string, value: boolean): GgufKey {
  return { key, type: 7, value: (out) => out.bytes(Uint8Array.of(value ? 1 : 0)) };
}

/** A list of texts. */
export function textsKey(key: string, texts: readonly string[]): GgufKey {
  return {
    key,
    type: 9,
    value: (out) => {
      out.u32(8);
      out.u64(texts.length);
      for (const text of texts) out.text(text);
    },
  };
}

/** A list of whole numbers of 32 bits. */
export function numbersKey(key: string, numbers: readonly number[]): GgufKey {
  return {
    key,
    type: 9,
    value: (out) => {
      out.u32(5);
      out.u64(numbers.length);
      for (const number of numbers) out.u32(number);
    },
  };
}

export function numberKey(key: string, value: number): GgufKey {
  return { key, type: 4, value: (out) => out.u32(value) };
}

export function floatKey(key: string, value: number): GgufKey {
  return { key, type: 6, value: (out) => out.f32(value) };
}

/** A GGUF file (ggml, docs/gguf.md). */
export function ggufBytes(shape: GgufShape = {}): Uint8Array {
  const { metadata = [], tensors = [], alignment = 32, data = new Uint8Array(0) } = shape;
  const out = new GgufWriter(shape.isBig !== true);
  out.bytes(Buffer.from("GGUF"));
  out.u32(shape.version ?? 3);
  out.u64(shape.tensorCount ?? tensors.length);
  out.u64(shape.keyCount ?? metadata.length);
  for (const { key, type, value } of metadata) {
    out.text(key);
    out.u32(type);
    value(out);
  }
  for (const { name, dimensions, type, offset } of tensors) {
    out.text(name);
    out.u32(dimensions.length);
    for (const size of dimensions) out.u64(size);
    out.u32(type);
    out.u64(offset);
  }
  out.bytes(new Uint8Array((alignment - (out.byteLength % alignment)) % alignment));
  out.bytes(data);
  return out.whole();
}
