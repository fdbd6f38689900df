/** Characters beyond ASCII that a letter equals without regard to case: long s, and the Kelvin sign. */
const BEYOND_ASCII = new Map([
  ["s", "\u017F"],
  ["k", "\u212A"],
]);

/** What a character of ASCII equals without regard to case; undefined for others, whose foldings we do not follow. */
export function foldedLiteral(character: string): readonly string[] | undefined {
  if (character > "\u007F") return undefined;
  const lower = character.toLowerCase();
  const upper = character.toUpperCase();
  if (lower === upper) return [character];
  const beyond = BEYOND_ASCII.get(lower);
  return beyond === undefined ? [lower, upper] : [lower, upper, beyond];
}

/** Letters that one character equals without regard to case: ß, and the ligatures. */
const FOLDED_TOGETHER = ["ss", "st", "ff", "fi", "fl", "aʾ", "ʼn"];

export function refusedPairs(literals: string): boolean {
  const lower = literals.toLowerCase();
  return FOLDED_TOGETHER.some((pair) => lower.includes(pair));
}
