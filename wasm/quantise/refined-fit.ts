// Levels on both sides of 0 with a scale, level by level (ggml-quants.c, `make_q3_quants` with `do_rmse`, llama-cpp-python 0.3.36).
import { nearestOf } from "./lanes";
import { EPSILON } from "./signed-fit";

function clamped(value: f32, half: i32): i32 {
  return max(-half, min(half - 1, nearestOf(value)));
}

/**
 * The scale of a group of `count` numbers; a number weighs its square.
 * @param half How many levels are below 0; one less is above.
 * @param levels A byte for each level, from 0 on.
 */
export function refine(count: i32, half: i32, numbers: usize, levels: usize): f32 {
  let most: f32 = 0;
  let extreme: f32 = 0;
  for (let index = 0; index < count; index++) {
    const x = load<f32>(numbers + 4 * <usize>index);
    if (abs(x) <= most) continue;
    most = abs(x);
    extreme = x;
  }
  memory.fill(levels, 0, count);
  if (most < EPSILON) return 0;
  const inverse: f32 = -(<f32>half) / extreme;
  let sumLX: f32 = 0;
  let sumL2: f32 = 0;
  for (let index = 0; index < count; index++) {
    const x = load<f32>(numbers + 4 * <usize>index);
    const level = clamped(inverse * x, half);
    store<i8>(levels + <usize>index, <i8>level);
    const w = x * x;
    sumLX += w * x * <f32>level;
    sumL2 += w * <f32>level * <f32>level;
  }
  for (let round = 0; round < 5; round++) {
    let hasChanged = false;
    for (let index = 0; index < count; index++) {
      const x = load<f32>(numbers + 4 * <usize>index);
      const own = <i32>load<i8>(levels + <usize>index);
      const w = x * x;
      let restLX = sumLX - w * x * <f32>own;
      if (!(restLX > 0)) continue;
      let restL2 = sumL2 - w * <f32>own * <f32>own;
      const level = clamped((x * restL2) / restLX, half);
      if (level == own) continue;
      restLX += w * x * <f32>level;
      restL2 += w * <f32>level * <f32>level;
      if (!(restL2 > 0 && restLX * restLX * sumL2 > sumLX * sumLX * restL2)) continue;
      store<i8>(levels + <usize>index, <i8>level);
      sumLX = restLX;
      sumL2 = restL2;
      hasChanged = true;
    }
    if (!hasChanged) break;
  }
  for (let index: usize = 0; index < <usize>count; index++)
    store<u8>(levels + index, <u8>(<i32>load<i8>(levels + index) + half));
  return sumL2 > 0 ? sumLX / sumL2 : 0;
}
