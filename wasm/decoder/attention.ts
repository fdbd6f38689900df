// Attention with the scores of a few queries at a time in the cache.
import { argument, scratch, setArgument } from "./layout";
import { RANGE, multiplyRange } from "./matrix";
import { LANES, exponential, first, sum } from "./vector";

/** Queries that are computed together. */
const QUERIES: usize = 2;

/** Vectors of a head that are summed over the keys at a time: 8 sums and 6 operands. */
const SPAN: usize = 4;

const BATCH = 0;
const HEADS = 1;
const GROUPS = 2;
const TOKENS = 3;
const SIZE = 4;
const LENGTH = 5;
const KEY_CAPACITY = 6;
const VALUE_CAPACITY = 7;
const QUERY_ROWS = 8;
const KEYS = 9;
const VALUES = 10;
const VISIBLE = 11;
const RESULT = 12;

/** Bytes that a thread works in. */
export function attentionScratchBytes(length: usize): usize {
  return 4 * QUERIES * length;
}

/**
 * Takes note of the work. @returns how many parts it has.
 * @param queries [batch, heads, tokens, size]; keys and values [batch, groups, capacity, size], of which `length` rows count.
 * @param visible [batch, length] bytes, 0 where a key is hidden; or 0 when there is none.
 */
export function describeAttention(
  queries: usize,
  keys: usize,
  values: usize,
  visible: usize,
  result: usize,
  batch: usize,
  heads: usize,
  groups: usize,
  tokens: usize,
  size: usize,
  length: usize,
  keyCapacity: usize,
  valueCapacity: usize,
): usize {
  setArgument(BATCH, batch);
  setArgument(HEADS, heads);
  setArgument(GROUPS, groups);
  setArgument(TOKENS, tokens);
  setArgument(SIZE, size);
  setArgument(LENGTH, length);
  setArgument(KEY_CAPACITY, keyCapacity);
  setArgument(VALUE_CAPACITY, valueCapacity);
  setArgument(QUERY_ROWS, queries);
  setArgument(KEYS, keys);
  setArgument(VALUES, values);
  setArgument(VISIBLE, visible);
  setArgument(RESULT, result);
  return batch * heads * tilesOf(tokens);
}

function tilesOf(tokens: usize): usize {
  return (tokens + QUERIES - 1) / QUERIES;
}

/** Computes one part: QUERIES tokens of one head. */
export function attentionPart(index: usize): void {
  const heads = argument(HEADS);
  const tokens = argument(TOKENS);
  const stacks = argument(BATCH) * heads;
  // The last tiles see the most keys: they come first, so that threads end together.
  const token = (tilesOf(tokens) - 1 - index / stacks) * QUERIES;
  const stack = index % stacks;
  const count = min(QUERIES, tokens - token);
  attend(stack / heads, stack % heads, token, count);
}

function attend(row: usize, head: usize, token: usize, queries: usize): void {
  const heads = argument(HEADS);
  const groups = argument(GROUPS);
  const tokens = argument(TOKENS);
  const size = argument(SIZE);
  const length = argument(LENGTH);
  const step: usize = 4 * size;
  const group = row * groups + head / (heads / groups);
  const keys = argument(KEYS) + group * argument(KEY_CAPACITY) * step;
  const values = argument(VALUES) + group * argument(VALUE_CAPACITY) * step;
  const at = ((row * heads + head) * tokens + token) * step;
  const x = argument(QUERY_ROWS) + at;
  const visible: usize = argument(VISIBLE) == 0 ? 0 : argument(VISIBLE) + row * length;
  const seen = length - tokens + token + 1; // by the first query
  const scores = scratch();
  memory.fill(scores, 0, 4 * queries * length);
  for (let d: usize = 0; d < size; d += RANGE) {
    const some = min(RANGE, size - d);
    const most = seen + queries - 1;
    multiplyRange<f32>(
      x + 4 * d,
      queries,
      step,
      keys + 4 * d,
      most,
      step,
      some,
      scores,
      4 * length,
      0,
    );
  }
  const scale: f32 = 1 / Mathf.sqrt(<f32>size);
  let weighted: usize = 0;
  for (let i: usize = 0; i < queries; i++) {
    const own = scores + 4 * i * length;
    memory.fill(own + 4 * (seen + i), 0, 4 * (length - seen - i));
    weighted = max(weighted, soften(own, seen + i, length, scale, visible));
  }
  const out = argument(RESULT) + at;
  if (queries == QUERIES) mixTwo(scores, 4 * length, values, size, weighted, out);
  else mixOne(scores, values, size, weighted, out, 0);
}

/**
 * Makes weights of scores [length]: e^(scale · score − largest) / sum, 0 where hidden. Where all is hidden they are equal over
 * all `total` keys, as the lowest number in every score makes them. The sum goes over the keys from the first that is not hidden on,
 * so that padding before a text does not change the order of its sums. @returns how many keys have a weight.
 */
function soften(scores: usize, length: usize, total: usize, scale: f32, visible: usize): usize {
  let largest: f32 = -Infinity;
  for (let key: usize = 0; key < length; key++) {
    const hidden = visible != 0 && load<u8>(visible + key) == 0;
    const score: f32 = hidden ? -Infinity : load<f32>(scores + 4 * key) * scale;
    store<f32>(scores + 4 * key, score);
    largest = max(largest, score);
  }
  if (largest == -Infinity) {
    for (let key: usize = 0; key < total; key++) store<f32>(scores + 4 * key, 1 / <f32>total);
    return total;
  }
  let begin: usize = 0;
  if (visible != 0) while (load<u8>(visible + begin) == 0) store<f32>(scores + 4 * begin++, 0);
  let sums = f32x4.splat(0);
  let key = begin;
  for (; key + LANES <= length; key += LANES) {
    const at = scores + 4 * key;
    const power = weights(v128.load(at), largest);
    v128.store(at, power);
    sums = f32x4.add(sums, power);
  }
  let all = sum(sums);
  for (; key < length; key++) {
    const at = scores + 4 * key;
    const power = first(weights(f32x4.splat(load<f32>(at)), largest));
    store<f32>(at, power);
    all += power;
  }
  for (key = begin; key < length; key++) {
    store<f32>(scores + 4 * key, load<f32>(scores + 4 * key) / all);
  }
  return length;
}

/** e^(score − largest), and 0 of −∞. */
function weights(scores: v128, largest: f32): v128 {
  const power = exponential(f32x4.sub(scores, f32x4.splat(largest)));
  return v128.andnot(power, f32x4.eq(scores, f32x4.splat(-Infinity)));
}

/** out [2, size] = weights [2, length] · values [length, size]. Each sum goes over the keys from the first on. */
function mixTwo(
  scores: usize,
  step: usize,
  values: usize,
  size: usize,
  length: usize,
  out: usize,
): void {
  let d: usize = 0;
  for (; d + SPAN * LANES <= size; d += SPAN * LANES) {
    let a0 = f32x4.splat(0);
    let a1 = f32x4.splat(0);
    let a2 = f32x4.splat(0);
    let a3 = f32x4.splat(0);
    let b0 = f32x4.splat(0);
    let b1 = f32x4.splat(0);
    let b2 = f32x4.splat(0);
    let b3 = f32x4.splat(0);
    let weight = scores;
    let value = values + 4 * d;
    const end = scores + 4 * length;
    for (; weight < end; weight += 4) {
      const p = v128.load32_splat(weight);
      const q = v128.load32_splat(weight + step);
      const v0 = v128.load(value);
      a0 = f32x4.add(a0, f32x4.mul(p, v0));
      b0 = f32x4.add(b0, f32x4.mul(q, v0));
      const v1 = v128.load(value, 16);
      a1 = f32x4.add(a1, f32x4.mul(p, v1));
      b1 = f32x4.add(b1, f32x4.mul(q, v1));
      const v2 = v128.load(value, 32);
      a2 = f32x4.add(a2, f32x4.mul(p, v2));
      b2 = f32x4.add(b2, f32x4.mul(q, v2));
      const v3 = v128.load(value, 48);
      a3 = f32x4.add(a3, f32x4.mul(p, v3));
      b3 = f32x4.add(b3, f32x4.mul(q, v3));
      value += 4 * size;
    }
    const to = out + 4 * d;
    v128.store(to, a0);
    v128.store(to, a1, 16);
    v128.store(to, a2, 32);
    v128.store(to, a3, 48);
    v128.store(to + 4 * size, b0);
    v128.store(to + 4 * size, b1, 16);
    v128.store(to + 4 * size, b2, 32);
    v128.store(to + 4 * size, b3, 48);
  }
  mixOne(scores, values, size, length, out, d);
  mixOne(scores + step, values, size, length, out + 4 * size, d);
}

/** As above for one query, from element `begin` of the head on. */
function mixOne(
  scores: usize,
  values: usize,
  size: usize,
  length: usize,
  out: usize,
  begin: usize,
): void {
  const end = scores + 4 * length;
  let d = begin;
  for (; d + SPAN * LANES <= size; d += SPAN * LANES) {
    let a0 = f32x4.splat(0);
    let a1 = f32x4.splat(0);
    let a2 = f32x4.splat(0);
    let a3 = f32x4.splat(0);
    let value = values + 4 * d;
    for (let weight = scores; weight < end; weight += 4) {
      const p = v128.load32_splat(weight);
      a0 = f32x4.add(a0, f32x4.mul(p, v128.load(value)));
      a1 = f32x4.add(a1, f32x4.mul(p, v128.load(value, 16)));
      a2 = f32x4.add(a2, f32x4.mul(p, v128.load(value, 32)));
      a3 = f32x4.add(a3, f32x4.mul(p, v128.load(value, 48)));
      value += 4 * size;
    }
    const to = out + 4 * d;
    v128.store(to, a0);
    v128.store(to, a1, 16);
    v128.store(to, a2, 32);
    v128.store(to, a3, 48);
  }
  for (; d + LANES <= size; d += LANES) {
    let a = f32x4.splat(0);
    let value = values + 4 * d;
    for (let weight = scores; weight < end; weight += 4) {
      a = f32x4.add(a, f32x4.mul(v128.load32_splat(weight), v128.load(value)));
      value += 4 * size;
    }
    v128.store(out + 4 * d, a);
  }
  for (; d < size; d++) {
    let a: f32 = 0;
    let value = values + 4 * d;
    for (let weight = scores; weight < end; weight += 4) {
      a += load<f32>(weight) * load<f32>(value);
      value += 4 * size;
    }
    store<f32>(out + 4 * d, a);
  }
}
