/** Bytes that an x86 call or jump has: its opcode and a relative address of 32 bits. */
const INSTRUCTION_BYTES = 5;

/** Opcodes seen in the last three bytes, as bits: whether an address may follow them, and which of its bytes tells. */
const MAY_FOLLOW = [true, true, true, false, true, false, false, false];
const TELLING_BYTE = [0, 1, 2, 2, 3, 3, 3, 3];

const isSignByte = (byte: number): boolean => byte === 0 || byte === 0xff;

/**
 * Makes the addresses of x86 calls and jumps relative again, in place ("BCJ": branch, call, jump). Writers apply it to any data.
 * Source: the .xz file format 1.2.1, section 5.3.2; the conversion is that of the LZMA SDK (`Bra86.c`).
 */
export function undoX86(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let previous = -1;
  let mask = 0;
  for (let at = 0; at + INSTRUCTION_BYTES <= bytes.byteLength; at++) {
    if (((bytes[at] ?? 0) & 0xfe) !== 0xe8) continue;
    const distance = at - previous;
    previous = at;
    if (distance > 3) mask = 0;
    else {
      mask = (mask << (distance - 1)) & 7;
      const telling = bytes[at + 4 - (TELLING_BYTE[mask] ?? 0)] ?? 0;
      if (mask !== 0 && (MAY_FOLLOW[mask] !== true || isSignByte(telling))) {
        mask = (mask << 1) | 1;
        continue;
      }
    }
    if (!isSignByte(bytes[at + 4] ?? 0)) {
      mask = (mask << 1) | 1;
      continue;
    }
    const address =
      relative(view.getUint32(at + 1, true), at + INSTRUCTION_BYTES, mask) & 0x01ffffff;
    view.setUint32(at + 1, (address | -(address & 0x01000000)) >>> 0, true);
    at += INSTRUCTION_BYTES - 1;
    mask = 0;
  }
}

function relative(absolute: number, position: number, mask: number): number {
  const bits = (TELLING_BYTE[mask] ?? 0) * 8;
  for (let source = absolute; ;) {
    const target = (source - position) >>> 0;
    if (mask === 0 || !isSignByte((target >>> (24 - bits)) & 0xff)) return target;
    source = (target ^ (2 ** (32 - bits) - 1)) >>> 0;
  }
}

/** Makes differences to the byte `distance` before into bytes again, in place. */
export function undoDelta(bytes: Uint8Array, distance: number): void {
  for (let at = distance; at < bytes.byteLength; at++)
    bytes[at] = ((bytes[at] ?? 0) + (bytes[at - distance] ?? 0)) & 0xff;
}
