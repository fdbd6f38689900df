/**
 * Writes the few pickle opcodes that state dicts need. Nothing is memoised, so that the same input gives the same bytes
 * whatever was shared.
 */
export class PickleWriter {
  readonly #parts: Uint8Array[] = [];

  /** The bytes written so far; the writer is empty afterwards. */
  take(): Uint8Array {
    const bytes = Buffer.concat(this.#parts);
    this.#parts.length = 0;
    return new Uint8Array(bytes);
  }

  raw(...bytes: readonly number[]): this {
    this.#parts.push(Uint8Array.from(bytes));
    return this;
  }

  proto(version: number): this {
    return this.raw(0x80, version);
  }

  mark(): this {
    return this.raw(0x28);
  }

  stop(): this {
    return this.raw(0x2e);
  }

  emptyTuple(): this {
    return this.raw(0x29);
  }

  emptyDict(): this {
    return this.raw(0x7d);
  }

  setItems(): this {
    return this.raw(0x75);
  }

  tuple(): this {
    return this.raw(0x74);
  }

  reduce(): this {
    return this.raw(0x52);
  }

  build(): this {
    return this.raw(0x62);
  }

  persistentId(): this {
    return this.raw(0x51);
  }

  none(): this {
    return this.raw(0x4e);
  }

  bool(value: boolean): this {
    return this.raw(value ? 0x88 : 0x89);
  }

  /** GLOBAL, which every protocol and torch's restricted loader know. */
  global(module: string, name: string): this {
    this.#parts.push(Buffer.from(`c${module}\n${name}\n`, "utf8"));
    return this;
  }

  /** BINUNICODE. */
  text(value: string): this {
    const bytes = Buffer.from(value, "utf8");
    const head = Buffer.alloc(5);
    head[0] = 0x58;
    head.writeUInt32LE(bytes.byteLength, 1);
    this.#parts.push(head, bytes);
    return this;
  }

  /** The smallest of BININT1, BININT2, BININT and LONG1 that holds a whole number. */
  integer(value: number): this {
    if (value >= 0 && value <= 0xff) return this.raw(0x4b, value);
    if (value >= 0 && value <= 0xffff) return this.raw(0x4d, value & 0xff, value >> 8);
    const bytes = Buffer.alloc(10);
    if (value >= -0x80000000 && value <= 0x7fffffff) {
      bytes[0] = 0x4a;
      bytes.writeInt32LE(value, 1);
      this.#parts.push(bytes.subarray(0, 5));
      return this;
    }
    bytes[0] = 0x8a;
    bytes[1] = 8;
    bytes.writeBigInt64LE(BigInt(value), 2);
    this.#parts.push(bytes);
    return this;
  }

  /** SHORT_BINBYTES. */
  shortBytes(value: Uint8Array): this {
    this.raw(0x43, value.byteLength);
    this.#parts.push(value.slice());
    return this;
  }

  /** The opcode and length before `byteLength` bytes of payload, which the caller writes himself. */
  bytesHead(byteLength: number): this {
    const head = Buffer.alloc(9);
    if (byteLength <= 0xffffffff) {
      head[0] = 0x42;
      head.writeUInt32LE(byteLength, 1);
      this.#parts.push(head.subarray(0, 5));
    } else {
      head[0] = 0x8e;
      head.writeBigUInt64LE(BigInt(byteLength), 1);
      this.#parts.push(head);
    }
    return this;
  }

  /** A tuple of whole numbers. */
  integers(values: readonly number[]): this {
    this.mark();
    for (const value of values) this.integer(value);
    return this.tuple();
  }
}
