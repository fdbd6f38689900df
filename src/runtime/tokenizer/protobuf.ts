/** One field of a protocol buffer message; a group or an unknown wire type ends the walk. */
export interface ProtobufField {
  readonly number: number;
  /** The varint or the 32 or 64 bits as stored; undefined for a length-delimited field. */
  readonly value?: number;
  readonly bytes?: Uint8Array;
}

/**
 * The fields of one message in written order, or undefined at the first byte that is not well-formed. Just enough for
 * SentencePiece's ModelProto (google/sentencepiece v0.2.0, src/sentencepiece_model.proto).
 */
export function protobufFields(message: Uint8Array): readonly ProtobufField[] | undefined {
  const fields: ProtobufField[] = [];
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  let position = 0;
  while (position < message.byteLength) {
    const tag = varint(message, position);
    if (tag === undefined || tag.value < 8) return undefined;
    position = tag.end;
    const number = Math.floor(tag.value / 8);
    switch (tag.value % 8) {
      case 0: {
        const parsed = varint(message, position);
        if (parsed === undefined) return undefined;
        fields.push({ number, value: parsed.value });
        position = parsed.end;
        break;
      }
      case 1:
        if (position + 8 > message.byteLength) return undefined;
        fields.push({ number, value: view.getFloat64(position, true) });
        position += 8;
        break;
      case 2: {
        const length = varint(message, position);
        if (length === undefined || length.end + length.value > message.byteLength)
          return undefined;
        position = length.end + length.value;
        fields.push({ number, bytes: message.subarray(length.end, position) });
        break;
      }
      case 5:
        if (position + 4 > message.byteLength) return undefined;
        fields.push({ number, value: view.getFloat32(position, true) });
        position += 4;
        break;
      default:
        return undefined;
    }
  }
  return fields;
}

/** A varint of at most ten bytes; values past 2^53 lose their low bits, negatives come out as such. */
function varint(bytes: Uint8Array, begin: number): { value: number; end: number } | undefined {
  let value = 0;
  for (let index = 0; index < 10; index++) {
    const byte = bytes[begin + index];
    if (byte === undefined) return undefined;
    value += (byte & 0x7f) * 2 ** (7 * index);
    if (byte < 0x80)
      return { value: index === 9 ? value - 2 ** 64 : value, end: begin + index + 1 };
  }
  return undefined;
}
