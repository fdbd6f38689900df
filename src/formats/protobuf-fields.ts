/** A field of a protobuf message. */
export interface ProtoField {
  readonly number: number;
  /** 0 a varint, 1 eight bytes, 2 bytes of a length, 5 four bytes. */
  readonly type: number;
  /** Of a field of bytes. */
  readonly bytes: Uint8Array;
  /** Of a varint; not exact beyond 2^53, as negative numbers are, which have ten bytes. */
  readonly value: number;
}

const NONE = new Uint8Array(0);
const MAX_VARINT_BYTES = 10;

/** The fields of a message, or undefined where the bytes are none, from the first to the last. */
export function protoFields(bytes: Uint8Array): readonly ProtoField[] | undefined {
  const fields: ProtoField[] = [];
  const reader = varintReader(bytes);
  while (reader.position < bytes.byteLength) {
    const tag = reader.next();
    if (tag === undefined || tag < 8) return undefined;
    const type = tag % 8;
    let length = 0;
    let value = 0;
    if (type === 0) {
      const said = reader.next();
      if (said === undefined) return undefined;
      value = said;
    } else if (type === 1) length = 8;
    else if (type === 5) length = 4;
    else if (type === 2) {
      const said = reader.next();
      if (said === undefined) return undefined;
      length = said;
    } else return undefined;
    const { position } = reader;
    if (length > bytes.byteLength - position) return undefined;
    const data = type === 2 ? bytes.subarray(position, position + length) : NONE;
    fields.push({ number: Math.floor(tag / 8), type, bytes: data, value });
    reader.position += length;
  }
  return fields;
}

/** Packed varints, or undefined where the bytes are none. */
export function packedVarints(bytes: Uint8Array): readonly number[] | undefined {
  const values: number[] = [];
  const reader = varintReader(bytes);
  while (reader.position < bytes.byteLength) {
    const value = reader.next();
    if (value === undefined) return undefined;
    values.push(value);
  }
  return values;
}

interface VarintReader {
  position: number;
  next(): number | undefined;
}

function varintReader(bytes: Uint8Array): VarintReader {
  const reader: VarintReader = {
    position: 0,
    next: () => {
      let value = 0;
      for (let index = 0; index < MAX_VARINT_BYTES; index++) {
        const byte = bytes[reader.position++];
        if (byte === undefined) return undefined;
        value += (byte & 0x7f) * 2 ** (7 * index);
        if (byte < 0x80) return value;
      }
      return undefined;
    },
  };
  return reader;
}
