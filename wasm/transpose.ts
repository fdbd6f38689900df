// Transposition in WebAssembly (AssemblyScript, compiled by scripts/generate/wasm.mjs): matrices of elements of 1, 2, 4 or 8 bytes, which move as integers, so
// that every bit pattern survives. Addresses and strides are in bytes. Blocks of 16 bytes square are transposed in registers; in
// JavaScript, which has no such registers, the same takes three times as long.

/** to[column][row] = from[row][column] for `rows` × `columns` elements of T, one by one, from `row` and `column` on. */
function elements<T>(
  from: usize,
  fromStride: usize,
  to: usize,
  toStride: usize,
  row: i32,
  rows: i32,
  column: i32,
  columns: i32,
): void {
  for (let c = column; c < columns; c++) {
    let read = from + <usize>row * fromStride + <usize>c * sizeof<T>();
    let write = to + <usize>c * toStride + <usize>row * sizeof<T>();
    for (let r = row; r < rows; r++) {
      store<T>(write, load<T>(read));
      read += fromStride;
      write += sizeof<T>();
    }
  }
}

/** 8 × 8 elements of 2 bytes: pairs of rows are interleaved by 2, then by 4, then by 8 bytes. */
function block2(from: usize, fromStride: usize, to: usize, toStride: usize): void {
  const r0 = v128.load(from);
  const r1 = v128.load(from + fromStride);
  const r2 = v128.load(from + 2 * fromStride);
  const r3 = v128.load(from + 3 * fromStride);
  const r4 = v128.load(from + 4 * fromStride);
  const r5 = v128.load(from + 5 * fromStride);
  const r6 = v128.load(from + 6 * fromStride);
  const r7 = v128.load(from + 7 * fromStride);
  const a0 = low2(r0, r1);
  const a1 = high2(r0, r1);
  const a2 = low2(r2, r3);
  const a3 = high2(r2, r3);
  const a4 = low2(r4, r5);
  const a5 = high2(r4, r5);
  const a6 = low2(r6, r7);
  const a7 = high2(r6, r7);
  const b0 = low4(a0, a2);
  const b1 = high4(a0, a2);
  const b2 = low4(a1, a3);
  const b3 = high4(a1, a3);
  const b4 = low4(a4, a6);
  const b5 = high4(a4, a6);
  const b6 = low4(a5, a7);
  const b7 = high4(a5, a7);
  v128.store(to, low8(b0, b4));
  v128.store(to + toStride, high8(b0, b4));
  v128.store(to + 2 * toStride, low8(b1, b5));
  v128.store(to + 3 * toStride, high8(b1, b5));
  v128.store(to + 4 * toStride, low8(b2, b6));
  v128.store(to + 5 * toStride, high8(b2, b6));
  v128.store(to + 6 * toStride, low8(b3, b7));
  v128.store(to + 7 * toStride, high8(b3, b7));
}

/** 4 × 4 elements of 4 bytes. */
function block4(from: usize, fromStride: usize, to: usize, toStride: usize): void {
  const r0 = v128.load(from);
  const r1 = v128.load(from + fromStride);
  const r2 = v128.load(from + 2 * fromStride);
  const r3 = v128.load(from + 3 * fromStride);
  const a0 = low4(r0, r1);
  const a1 = high4(r0, r1);
  const a2 = low4(r2, r3);
  const a3 = high4(r2, r3);
  v128.store(to, low8(a0, a2));
  v128.store(to + toStride, high8(a0, a2));
  v128.store(to + 2 * toStride, low8(a1, a3));
  v128.store(to + 3 * toStride, high8(a1, a3));
}

// The lower or upper halves of two vectors, elements of 2, 4 or 8 bytes in turn.
function low2(a: v128, b: v128): v128 {
  return v128.shuffle<i16>(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
}
function high2(a: v128, b: v128): v128 {
  return v128.shuffle<i16>(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
}
function low4(a: v128, b: v128): v128 {
  return v128.shuffle<i32>(a, b, 0, 4, 1, 5);
}
function high4(a: v128, b: v128): v128 {
  return v128.shuffle<i32>(a, b, 2, 6, 3, 7);
}
function low8(a: v128, b: v128): v128 {
  return v128.shuffle<i64>(a, b, 0, 2);
}
function high8(a: v128, b: v128): v128 {
  return v128.shuffle<i64>(a, b, 1, 3);
}

/** Elements of 2 or 4 bytes: whole blocks in registers, and the rest one by one. */
function matrix<T>(
  from: usize,
  fromStride: usize,
  to: usize,
  toStride: usize,
  rows: i32,
  columns: i32,
): void {
  const side: i32 = sizeof<T>() == 2 ? 8 : 4;
  const wholeRows = rows & ~(side - 1);
  const wholeColumns = columns & ~(side - 1);
  for (let column = 0; column < wholeColumns; column += side) {
    for (let row = 0; row < wholeRows; row += side) {
      const source = from + <usize>row * fromStride + sizeof<T>() * <usize>column;
      const target = to + <usize>column * toStride + sizeof<T>() * <usize>row;
      if (sizeof<T>() == 2) block2(source, fromStride, target, toStride);
      else block4(source, fromStride, target, toStride);
    }
  }
  elements<T>(from, fromStride, to, toStride, wholeRows, rows, 0, wholeColumns);
  elements<T>(from, fromStride, to, toStride, 0, rows, wholeColumns, columns);
}

export function transpose1(
  from: usize,
  fromStride: usize,
  to: usize,
  toStride: usize,
  rows: i32,
  columns: i32,
): void {
  elements<u8>(from, fromStride, to, toStride, 0, rows, 0, columns);
}

export function transpose2(
  from: usize,
  fromStride: usize,
  to: usize,
  toStride: usize,
  rows: i32,
  columns: i32,
): void {
  matrix<u16>(from, fromStride, to, toStride, rows, columns);
}

export function transpose4(
  from: usize,
  fromStride: usize,
  to: usize,
  toStride: usize,
  rows: i32,
  columns: i32,
): void {
  matrix<u32>(from, fromStride, to, toStride, rows, columns);
}

export function transpose8(
  from: usize,
  fromStride: usize,
  to: usize,
  toStride: usize,
  rows: i32,
  columns: i32,
): void {
  elements<u64>(from, fromStride, to, toStride, 0, rows, 0, columns);
}
