/** CRC-64 of ECMA-182, reflected, as .xz has it: halves of 32 bits, low one first, for each byte. */
const TABLE = ((): Uint32Array => {
  const table = new Uint32Array(512);
  const [low, high] = [0xd7870f42, 0xc96c5795];
  for (let byte = 0; byte < 256; byte++) {
    let [l, h] = [byte, 0];
    for (let bit = 0; bit < 8; bit++) {
      const isOdd = (l & 1) === 1;
      l = (l >>> 1) | (h << 31);
      h >>>= 1;
      if (isOdd) {
        l ^= low;
        h ^= high;
      }
    }
    table[byte * 2] = l;
    table[byte * 2 + 1] = h;
  }
  return table;
})();

/** The checksum of some bytes. */
export function crc64(bytes: Uint8Array): bigint {
  let low = -1;
  let high = -1;
  for (let at = 0; at < bytes.byteLength; at++) {
    const index = ((low ^ (bytes[at] ?? 0)) & 0xff) * 2;
    low = ((low >>> 8) | (high << 24)) ^ (TABLE[index] ?? 0);
    high = (high >>> 8) ^ (TABLE[index + 1] ?? 0);
  }
  return (BigInt(~high >>> 0) << 32n) | BigInt(~low >>> 0);
}
