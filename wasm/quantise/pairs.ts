/** Two bits of 256 levels: four groups of 32 share their bytes. */
export function writePairs(levels: usize, to: usize): void {
  for (let part: usize = 0; part < 2; part++)
    for (let index: usize = 0; index < 32; index++) {
      const first = levels + 128 * part + index;
      const low = (load<u8>(first) & 3) | ((load<u8>(first + 32) & 3) << 2);
      const high = ((load<u8>(first + 64) & 3) << 4) | ((load<u8>(first + 96) & 3) << 6);
      store<u8>(to + 32 * part + index, low | high);
    }
}
