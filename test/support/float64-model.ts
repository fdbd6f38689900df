/** Steps of a decoder in float64, loop by loop from their definitions: what kernels are held against. */

export function linearReference(
  x: Float32Array,
  w: Float32Array,
  bias: Float32Array,
  {
    rows,
    outputs,
    inputs,
  }: { readonly rows: number; readonly outputs: number; readonly inputs: number },
): Float32Array {
  return Float32Array.from({ length: rows * outputs }, (_, index) => {
    const [row, output] = [Math.floor(index / outputs), index % outputs];
    let sum = bias[output] ?? 0;
    for (let k = 0; k < inputs; k++)
      sum += (x[row * inputs + k] ?? 0) * (w[output * inputs + k] ?? 0);
    return sum;
  });
}

export interface AttentionSizes {
  readonly b: number;
  readonly h: number;
  readonly g: number;
  readonly t: number;
  readonly l: number;
  readonly d: number;
}

/** Queries [B, H, T, D] on keys and values [B, G, L, D]; a query that sees nothing gets the mean of all values. */
export function attentionReference(
  q: Float32Array,
  k: Float32Array,
  v: Float32Array,
  { b, h, g, t, l, d }: AttentionSizes,
  keyMask: readonly Uint8Array[] | undefined,
): Float32Array {
  const result = new Float32Array(b * h * t * d);
  for (let query = 0; query < b * h * t; query++) {
    const [row, head, token] = [Math.floor(query / (h * t)), Math.floor(query / t) % h, query % t];
    const group = row * g + Math.floor(head / (h / g));
    const scores = Array.from({ length: l }, (_, key) => {
      if (key > l - t + token || keyMask?.[row]?.[key] === 0) return -Infinity;
      let sum = 0;
      for (let j = 0; j < d; j++)
        sum += (q[query * d + j] ?? 0) * (k[(group * l + key) * d + j] ?? 0);
      return sum / Math.sqrt(d);
    });
    const largest = Math.max(...scores);
    const powers = scores.map((score) => (largest === -Infinity ? 1 : Math.exp(score - largest)));
    const total = powers.reduce((sum, power) => sum + power, 0);
    for (let j = 0; j < d; j++) {
      result[query * d + j] = powers.reduce(
        (sum, power, key) => sum + (power / total) * (v[(group * l + key) * d + j] ?? 0),
        0,
      );
    }
  }
  return result;
}

/** x · cos + [−x2, x1] · sin of the halves of the last axis; cos and sin are of `tables` rows of a batch. */
export function rotateReference(
  x: Float32Array,
  cos: Float32Array,
  sin: Float32Array,
  {
    tables,
    b,
    h,
    t,
    d,
  }: {
    readonly tables: number;
    readonly b: number;
    readonly h: number;
    readonly t: number;
    readonly d: number;
  },
): Float32Array {
  return Float32Array.from({ length: b * h * t * d }, (_, index) => {
    const [j, line] = [index % d, Math.floor(index / d)];
    const table = tables === 1 ? 0 : Math.floor(line / (h * t));
    const at = (table * t + (line % t)) * d + j;
    const other = j < d / 2 ? -(x[line * d + j + d / 2] ?? 0) : (x[line * d + j - d / 2] ?? 0);
    return (x[index] ?? 0) * (cos[at] ?? 0) + other * (sin[at] ?? 0);
  });
}
