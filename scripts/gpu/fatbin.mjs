// Code for other generations of GPU in a library of NVIDIA's, taken out so that the library packs small.
//
// A fat binary is a header (magic, version, bytes of the header, bytes of what follows) and entries: each has its kind (1: PTX,
// 2: machine code), the sizes of its header and of its code, and the generation that the code is for. Machine code runs within one
// major generation only, and PTX on its own generation and later ones; the driver goes by the entries' headers, which stay.

const MAGIC = Buffer.from([0x50, 0xed, 0x55, 0xba]);
const HEADER_BYTES = 16;
const KIND = { ptx: 1, code: 2 };
const GENERATION_AT = 28;

/** The entries of the fat binary at `offset`, or undefined where there is none that is whole. */
function entriesAt(bytes, offset) {
  if (offset + HEADER_BYTES > bytes.length) return undefined;
  const version = bytes.readUInt16LE(offset + 4);
  const headerBytes = bytes.readUInt16LE(offset + 6);
  const end = offset + headerBytes + Number(bytes.readBigUInt64LE(offset + 8));
  if (version !== 1 || headerBytes !== HEADER_BYTES || end > bytes.length) return undefined;
  const entries = [];
  let position = offset + headerBytes;
  while (position < end) {
    if (position + GENERATION_AT + 4 > end) return undefined;
    const kind = bytes.readUInt16LE(position);
    const begin = position + bytes.readUInt32LE(position + 4);
    const size = Number(bytes.readBigUInt64LE(position + 8));
    const generation = bytes.readUInt32LE(position + GENERATION_AT);
    if (begin <= position || begin + size > end) return undefined;
    entries.push({ kind, generation, begin, end: begin + size });
    position = begin + size;
  }
  return position === end ? { entries, end } : undefined;
}

/**
 * Overwrites with zeros what a GPU of one generation never runs.
 * @param {Buffer} bytes A library's, changed in place.
 * @param {number} generation "Compute capability" without its dot: 90 for Hopper.
 * @returns {{ found: number, cleared: number }} fat binaries found, and bytes overwritten.
 */
export function clearOtherGenerations(bytes, generation) {
  const major = Math.floor(generation / 10);
  let found = 0;
  let cleared = 0;
  let at = bytes.indexOf(MAGIC);
  while (at >= 0) {
    const fat = entriesAt(bytes, at);
    if (fat !== undefined) {
      found++;
      for (const entry of fat.entries) {
        const other =
          (entry.kind === KIND.code && Math.floor(entry.generation / 10) !== major) ||
          (entry.kind === KIND.ptx && entry.generation > generation);
        if (!other) continue;
        bytes.fill(0, entry.begin, entry.end);
        cleared += entry.end - entry.begin;
      }
    }
    at = bytes.indexOf(MAGIC, fat?.end ?? at + MAGIC.length);
  }
  return { found, cleared };
}
