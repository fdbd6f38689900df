/** Accumulators of one column, each for sums of the one before. */
const LEVELS = 4;

/**
 * The mean of each column of a float32 matrix, row by row, in the order in which torch adds: pytorch v2.0.1,
 * aten/src/ATen/native/cpu/SumKernel.cpp, `multi_row_sum` (cascade summation), then a division in float32
 * (aten/src/ATen/native/ReduceOps.cpp, `mean_out`). torch adds otherwise in the columns beyond the last whole
 * four vector registers of a thread's share (of 32 or 64 columns): there, and there alone, the last bit may differ from torch's.
 */
export class ColumnMean {
  readonly #rows: number;
  readonly #levels: readonly Float32Array[];
  /** Rows of a step: 2 to this power; each level has as many steps of the one before. */
  readonly #power: number;
  #row = 0;
  #column = 0;

  constructor(rows: number, columns: number) {
    this.#rows = rows;
    this.#levels = Array.from({ length: LEVELS }, () => new Float32Array(columns));
    this.#power = Math.max(4, Math.floor((32 - Math.clz32(rows - 1)) / LEVELS));
  }

  /** Takes the next elements, row-major; they may begin and end anywhere in a row. */
  push(values: Float32Array): void {
    const [sums] = this.#levels;
    if (sums === undefined) return;
    let index = 0;
    while (index < values.length) {
      const end = Math.min(values.length, index + sums.length - this.#column);
      let column = this.#column;
      for (; index < end; column++, index++)
        sums[column] = (sums[column] ?? 0) + (values[index] ?? 0);
      this.#column = column % sums.length;
      if (this.#column === 0) this.#endRow();
    }
  }

  /** At the end of a step its sums go up one level, and on from there when that level's step ends too. */
  #endRow(): void {
    this.#row++;
    const step = 2 ** this.#power;
    if (this.#row % step !== 0) return;
    for (let level = 1; level < LEVELS; level++) {
      this.#raise(level);
      if (this.#row % step ** (level + 1) !== 0) return;
    }
  }

  #raise(level: number): void {
    const [below, here] = [this.#levels[level - 1], this.#levels[level]];
    if (below === undefined || here === undefined) return;
    addTo(here, below);
    below.fill(0);
  }

  /** The means, once every row was pushed; it may be asked once. */
  mean(): Float32Array {
    const [sums = new Float32Array(0), ...above] = this.#levels;
    for (const level of above) addTo(sums, level);
    return sums.map((sum) => sum / this.#rows);
  }
}

function addTo(target: Float32Array, values: Float32Array): void {
  for (let index = 0; index < target.length; index++)
    target[index] = (target[index] ?? 0) + (values[index] ?? 0);
}
