import { addTo, by, byTransposed, newMatrix, type Matrix } from "./products.ts";

/** An RMSNorm: its weights, and the ε under its root. */
export interface Norm {
  readonly weights: Float32Array;
  readonly epsilon: number;
}

/** What comes behind a layer's attention: the network with a gate of SiLU, and the model's last norm behind the last layer. */
export interface Network {
  readonly norm: Norm;
  /** [inner, hidden] each. */
  readonly gate: Matrix;
  readonly up: Matrix;
  /** [hidden, inner]. */
  readonly down: Matrix;
  readonly last: Norm | undefined;
}

/** Half the squares of what a layer gives for states behind its attention less what it should give, and the derivative by these. */
export function networkLoss(
  { norm, gate, up, down, last }: Network,
  states: Matrix,
  wanted: Float32Array,
): { readonly loss: number; readonly slope: Matrix } {
  const normed = normOf(norm, states);
  const [gates, ups] = [byTransposed(normed, gate), byTransposed(normed, up)];
  const inner = newMatrix(states.rows, gate.rows);
  for (const [at, value] of gates.data.entries())
    inner.data[at] = value * sigmoid(value) * (ups.data[at] ?? 0);
  const made = byTransposed(inner, down);
  addTo(made, states);
  const given = last === undefined ? made : normOf(last, made);
  let loss = 0;
  const error = newMatrix(given.rows, given.columns);
  for (const [at, value] of given.data.entries()) {
    const off = value - (wanted[at] ?? 0);
    error.data[at] = off;
    loss += (off * off) / 2;
  }
  const slope = last === undefined ? error : normBack(last, made, error);
  const dInner = by(slope, down);
  for (const [at, gateValue] of gates.data.entries()) {
    const share = sigmoid(gateValue);
    const dValue = dInner.data[at] ?? 0;
    dInner.data[at] = dValue * (ups.data[at] ?? 0) * share * (1 + gateValue * (1 - share));
    ups.data[at] = dValue * gateValue * share;
  }
  const dNormed = by(dInner, gate);
  addTo(dNormed, by(ups, up));
  const before = normBack(norm, states, dNormed);
  addTo(before, slope);
  return { loss, slope: before };
}

function sigmoid(value: number): number {
  return 1 / (1 + Math.exp(-value));
}

/** w · x / √(mean(x²) + ε), Zhang and Sennrich 2019 (arXiv 1910.07467), equation 4. */
function normOf({ weights, epsilon }: Norm, states: Matrix): Matrix {
  const result = newMatrix(states.rows, states.columns);
  for (let row = 0; row < states.rows; row++) {
    const factor = factorOf(states, row, epsilon);
    for (let column = 0, at = row * states.columns; column < states.columns; column++, at++)
      result.data[at] = (states.data[at] ?? 0) * factor * (weights[column] ?? 0);
  }
  return result;
}

/** The derivative by what a norm is taken of, from that by what it gives. */
function normBack({ weights, epsilon }: Norm, states: Matrix, slope: Matrix): Matrix {
  const { columns } = states;
  const result = newMatrix(states.rows, columns);
  for (let row = 0; row < states.rows; row++) {
    const factor = factorOf(states, row, epsilon);
    let along = 0;
    for (let column = 0, at = row * columns; column < columns; column++, at++)
      along += (states.data[at] ?? 0) * (weights[column] ?? 0) * (slope.data[at] ?? 0);
    const common = (along * factor ** 3) / columns;
    for (let column = 0, at = row * columns; column < columns; column++, at++)
      result.data[at] =
        factor * (weights[column] ?? 0) * (slope.data[at] ?? 0) - common * (states.data[at] ?? 0);
  }
  return result;
}

function factorOf({ data, columns }: Matrix, row: number, epsilon: number): number {
  let squares = 0;
  for (let at = row * columns; at < (row + 1) * columns; at++) squares += (data[at] ?? 0) ** 2;
  return 1 / Math.sqrt(squares / columns + epsilon);
}
