/**
 * Positions of tokens under left or right padding as `generate` counts them: the visible tokens before each, and 1 at padding
 * (transformers v4.36.2, LLaMA's `prepare_inputs_for_generation`).
 */
export function positionsOfMask(mask: Uint8Array): Int32Array {
  let seen = 0;
  return Int32Array.from(mask, (visible) => {
    if (visible !== 1) return 1;
    seen++;
    return seen - 1;
  });
}
