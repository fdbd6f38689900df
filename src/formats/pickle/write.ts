import { PICKLE_OPCODES, type OpcodeName } from "./opcodes.ts";

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

  #op(opcode: OpcodeName, ...argument: readonly number[]): this {
    return this.#bytes(Uint8Array.of(PICKLE_OPCODES[opcode].byte, ...argument));
  }

  #bytes(bytes: Uint8Array): this {
    this.#parts.push(bytes);
    return this;
  }

  proto(version: number): this {
    return this.#op("PROTO", version);
  }

  mark(): this {
    return this.#op("MARK");
  }

  stop(): this {
    return this.#op("STOP");
  }

  emptyTuple(): this {
    return this.#op("EMPTY_TUPLE");
  }

  emptyDict(): this {
    return this.#op("EMPTY_DICT");
  }

  setItems(): this {
    return this.#op("SETITEMS");
  }

  tuple(): this {
    return this.#op("TUPLE");
  }

  reduce(): this {
    return this.#op("REDUCE");
  }

  build(): this {
    return this.#op("BUILD");
  }

  persistentId(): this {
    return this.#op("BINPERSID");
  }

  none(): this {
    return this.#op("NONE");
  }

  bool(value: boolean): this {
    return this.#op(value ? "NEWTRUE" : "NEWFALSE");
  }

  /** GLOBAL, which every protocol and torch's restricted loader know. */
  global(module: string, name: string): this {
    return this.#op("GLOBAL").#bytes(Buffer.from(`${module}\n${name}\n`, "utf8"));
  }

  /** BINUNICODE. */
  text(value: string): this {
    const bytes = Buffer.from(value, "utf8");
    const length = Buffer.alloc(4);
    length.writeUInt32LE(bytes.byteLength);
    return this.#op("BINUNICODE", ...length).#bytes(bytes);
  }

  /** The smallest of BININT1, BININT2, BININT and LONG1 that holds a whole number. */
  integer(value: number): this {
    if (value >= 0 && value <= 0xff) return this.#op("BININT1", value);
    if (value >= 0 && value <= 0xffff) return this.#op("BININT2", value & 0xff, value >> 8);
    const bytes = Buffer.alloc(8);
    if (value >= -0x80000000 && value <= 0x7fffffff) {
      bytes.writeInt32LE(value);
      return this.#op("BININT", ...bytes.subarray(0, 4));
    }
    bytes.writeBigInt64LE(BigInt(value));
    return this.#op("LONG1", bytes.byteLength, ...bytes);
  }

  /** SHORT_BINBYTES. */
  shortBytes(value: Uint8Array): this {
    return this.#op("SHORT_BINBYTES", value.byteLength).#bytes(value.slice());
  }

  /** The opcode and length before `byteLength` bytes of payload, which the caller writes himself. */
  bytesHead(byteLength: number): this {
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(byteLength));
    return byteLength <= 0xffffffff
      ? this.#op("BINBYTES", ...length.subarray(0, 4))
      : this.#op("BINBYTES8", ...length);
  }

  /** A tuple of whole numbers. */
  integers(values: readonly number[]): this {
    this.mark();
    for (const value of values) this.integer(value);
    return this.tuple();
  }
}
