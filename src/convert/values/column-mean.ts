/** Accumulators of one column, each for sums of the one before. */
const LEVELS = 4;

/** float32 numbers in a vector register of AVX2, for which alone torch compiles its sums. */
const VECTOR = 8;

/** Columns, or rows, that torch adds side by side. */
const LANES = 4;

/**
 * Sums of columns, row by row, in the order in which torch adds: pytorch v2.0.1, aten/src/ATen/native/cpu/SumKernel.cpp,
 * `multi_row_sum` (cascade summation).
 */
class Cascade {
  readonly #levels: readonly Float32Array[];
  /** Rows of a step; each level has as many steps of the one before. */
  readonly #step: number;
  #row = 0;

  constructor(rows: number, columns: number) {
    this.#levels = Array.from({ length: LEVELS }, () => new Float32Array(columns));
    const power = rows < 2 ? 0 : 32 - Math.clz32(rows - 1);
    this.#step = 2 ** Math.max(4, Math.floor(power / LEVELS));
  }

  /** Adds `values` to the columns from `column` on. */
  add(column: number, values: Float32Array): void {
    const [sums] = this.#levels;
    if (sums === undefined) return;
    for (let index = 0; index < values.length; index++)
      sums[column + index] = (sums[column + index] ?? 0) + (values[index] ?? 0);
  }

  /** At the end of a step its sums go up one level, and on from there when that level's step ends too. */
  endRow(): void {
    this.#row++;
    if (this.#row % this.#step !== 0) return;
    for (let level = 1; level < LEVELS; level++) {
      this.#raise(level);
      if (this.#row % this.#step ** (level + 1) !== 0) return;
    }
  }

  #raise(level: number): void {
    const [below, here] = [this.#levels[level - 1], this.#levels[level]];
    if (below === undefined || here === undefined) return;
    addTo(here, below);
    below.fill(0);
  }

  /** The sums, once; the lowest level becomes them. */
  total(): Float32Array {
    const [sums = new Float32Array(0), ...above] = this.#levels;
    for (const level of above) addTo(sums, level);
    return sums;
  }
}

/**
 * The mean of each column of a float32 matrix, bit for bit as torch computes it on x86 (`vectorized_outer_sum`,
 * `scalar_outer_sum` and `row_sum` of the same file, then a division in float32: aten/src/ATen/native/ReduceOps.cpp, `mean_out`).
 * Columns in whole blocks of four registers are one cascade; those that are left over are four, of every fourth row each.
 * Threads share out blocks, so that their number changes nothing unless there are more of them than blocks.
 */
export class ColumnMean {
  readonly #rows: number;
  readonly #columns: number;
  /** Columns in whole blocks. */
  readonly #wide: number;
  readonly #block: Cascade;
  readonly #lanes: readonly Cascade[];
  /** The columns left over of the rows that are no whole four. */
  readonly #rest: Float32Array[] = [];
  #row = 0;
  #column = 0;

  constructor(rows: number, columns: number) {
    this.#rows = rows;
    this.#columns = columns;
    this.#wide = columns - (columns % (columns < VECTOR ? LANES : LANES * VECTOR));
    this.#block = new Cascade(rows, this.#wide);
    const laneRows = Math.floor(rows / LANES);
    this.#lanes = Array.from({ length: LANES }, () => new Cascade(laneRows, columns - this.#wide));
  }

  /** Takes the next elements, row-major; they may begin and end anywhere in a row. */
  push(values: Float32Array): void {
    let index = 0;
    while (index < values.length) {
      const isWide = this.#column < this.#wide;
      const border = isWide ? this.#wide : this.#columns;
      const count = Math.min(values.length - index, border - this.#column);
      const piece = values.subarray(index, index + count);
      if (isWide) this.#block.add(this.#column, piece);
      else this.#addLeftOver(this.#column - this.#wide, piece);
      index += count;
      this.#column += count;
      if (this.#column === this.#columns) this.#endRow();
    }
  }

  #addLeftOver(column: number, values: Float32Array): void {
    if (!this.#isRest) {
      this.#lanes[this.#row % LANES]?.add(column, values);
      return;
    }
    const at = this.#row % LANES;
    const row = this.#rest[at] ?? new Float32Array(this.#columns - this.#wide);
    this.#rest[at] = row;
    row.set(values, column);
  }

  get #isRest(): boolean {
    return this.#row >= this.#rows - (this.#rows % LANES);
  }

  #endRow(): void {
    this.#block.endRow();
    if (!this.#isRest) this.#lanes[this.#row % LANES]?.endRow();
    this.#row++;
    this.#column = 0;
  }

  /** The means, once every row was pushed; it may be asked once. */
  mean(): Float32Array {
    const sums = new Float32Array(this.#columns);
    sums.set(this.#block.total());
    const [first = new Float32Array(0), ...others] = this.#lanes.map((lane) => lane.total());
    for (const more of [...this.#rest, ...others]) addTo(first, more);
    sums.set(first, this.#wide);
    return sums.map((sum) => sum / this.#rows);
  }
}

function addTo(target: Float32Array, values: Float32Array): void {
  for (let index = 0; index < target.length; index++)
    target[index] = (target[index] ?? 0) + (values[index] ?? 0);
}
