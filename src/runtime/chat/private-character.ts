/** Unicode's private use area, where marks may stand. */
const PRIVATE_USE_BEGIN = 0xe000;
const PRIVATE_USE_END = 0xf8ff;

/** A character that the text does not have; a run of them that is longer than the text where it has all. */
export function privateCharacter(text: string): string {
  for (let code = PRIVATE_USE_BEGIN; code <= PRIVATE_USE_END; code++) {
    const character = String.fromCharCode(code);
    if (!text.includes(character)) return character;
  }
  return String.fromCharCode(PRIVATE_USE_BEGIN).repeat(text.length + 1);
}
