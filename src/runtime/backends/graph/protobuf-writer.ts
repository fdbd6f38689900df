/** Bytes of a protocol buffer message, field by field in the order in which they are added. */
export class ProtobufWriter {
  readonly #bytes: number[] = [];

  /** A whole number of at least 0, or a boolean, as a varint. */
  varint(field: number, value: number): this {
    this.#varint(field * 8);
    this.#varint(value);
    return this;
  }

  /** Text, bytes, or a message. */
  bytes(field: number, value: string | Uint8Array | ProtobufWriter): this {
    const content = value instanceof ProtobufWriter ? value.finish() : value;
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    this.#varint(field * 8 + 2);
    this.#varint(bytes.length);
    for (const byte of bytes) this.#bytes.push(byte);
    return this;
  }

  finish(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }

  #varint(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.#bytes.push((rest % 0x80) + 0x80);
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes.push(rest);
  }
}
