// Groups' scales as whole numbers of a shared step, by what each group weighs (ggml-quants.c, `make_qp_quants`, llama-cpp-python 0.3.36).
import { nearestOf } from "./lanes";
import { EPSILON } from "./signed-fit";

function number(numbers: usize, index: i32): f32 {
  return load<f32>(numbers + 4 * <usize>index);
}

/** A byte each, as C stores them. */
function step(steps: usize, index: i32): i32 {
  return <i32>load<u8>(steps + <usize>index);
}

/**
 * The step of `count` numbers, which are hardly below 0; `steps` has how many of it each is.
 * @param most Of it at most.
 */
export function fitSteps(count: i32, most: i32, numbers: usize, weights: usize, steps: usize): f32 {
  memory.fill(steps, 0, count);
  let greatest: f32 = 0;
  for (let index = 0; index < count; index++) {
    const x = number(numbers, index);
    if (!(greatest > x)) greatest = x;
  }
  if (greatest < EPSILON) return 0;
  const inverse = nearestRange(count, most, greatest, numbers, weights, steps);
  let sumLX: f32 = 0;
  let sumL2: f32 = 0;
  for (let index = 0; index < count; index++) {
    const x = number(numbers, index);
    const w = number(weights, index);
    const level = min(most, nearestOf(inverse * x));
    store<u8>(steps + <usize>index, <u8>level);
    sumLX += w * x * <f32>level;
    sumL2 += w * <f32>level * <f32>level;
  }
  for (let round = 0; round < 5; round++) {
    let hasChanged = false;
    for (let index = 0; index < count; index++) {
      const x = number(numbers, index);
      const w = number(weights, index);
      const own = step(steps, index);
      let restLX = sumLX - w * x * <f32>own;
      let restL2 = sumL2 - w * <f32>own * <f32>own;
      if (!(restLX > 0 && restL2 > 0)) continue;
      const level = min(most, nearestOf((x * restL2) / restLX));
      if (level == own) continue;
      restLX += w * x * <f32>level;
      restL2 += w * <f32>level * <f32>level;
      if (!(restLX * restLX * sumL2 > sumLX * sumLX * restL2)) continue;
      store<u8>(steps + <usize>index, <u8>level);
      sumLX = restLX;
      sumL2 = restL2;
      hasChanged = true;
    }
    if (!hasChanged) break;
  }
  return sumL2 > 0 ? sumLX / sumL2 : 0;
}

/** Steps to a unit with the least weighted error of nine: as many as end at the greatest number, some more, some less. */
function nearestRange(
  count: i32,
  most: i32,
  greatest: f32,
  numbers: usize,
  weights: usize,
  steps: usize,
): f32 {
  let best = <f32>most / greatest;
  let scale = <f32>1 / best;
  let bestError: f32 = 0;
  for (let index = 0; index < count; index++) {
    const x = number(numbers, index);
    store<u8>(steps + <usize>index, <u8>nearestOf(best * x));
    const rest = x - scale * <f32>step(steps, index);
    bestError += number(weights, index) * rest * rest;
  }
  for (let turn = -4; turn <= 4; turn++) {
    if (turn == 0) continue;
    const inverse = (<f32>0.1 * <f32>turn + <f32>most) / greatest;
    scale = <f32>1 / inverse;
    let error: f32 = 0;
    for (let index = 0; index < count; index++) {
      const x = number(numbers, index);
      const rest = x - scale * <f32>min(most, nearestOf(inverse * x));
      error += number(weights, index) * rest * rest;
    }
    if (!(error < bestError)) continue;
    bestError = error;
    best = inverse;
  }
  return best;
}
