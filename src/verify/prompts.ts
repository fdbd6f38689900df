/** Texts that models are compared on where the user gives none: plain and odd, English and Chinese. */
export const DEFAULT_PROMPTS: readonly string[] = [
  "A beautiful flower",
  "The capital of France is Paris, and the capital of Japan is",
  "def fibonacci(n):\n    if n < 2:\n        return n\n    return",
  "来到美丽的大自然，我们发现",
  "北京是中国的首都。上海是",
];

/** Prompts where there is no tokenizer: how many, and of how many tokens. */
const ID_PROMPT_LENGTHS = [1, 7, 16, 24, 24];

/**
 * Token ids for models without a tokenizer, the same each time: drawn over the whole vocabulary by a linear congruential
 * generator (Numerical Recipes' constants), each after the beginning-of-sequence id.
 */
export function idPrompts(
  vocabSize: number,
  maxTokens: number,
  bosId: number | undefined,
): readonly (readonly number[])[] {
  let state = 12_345;
  const draw = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * vocabSize);
  };
  return ID_PROMPT_LENGTHS.map((length) => {
    const count = Math.max(1, Math.min(length, maxTokens));
    const ids = Array.from({ length: count }, draw);
    if (bosId !== undefined && bosId < vocabSize) ids[0] = bosId;
    return ids;
  });
}
