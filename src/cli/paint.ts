/** Words of ours that begin a line, and the colour that says what they mean: green, red, yellow. */
const COLOURS: readonly (readonly [line: RegExp, code: number])[] = [
  [/^PASS(?= )/gm, 32],
  [/^FAIL(?= )/gm, 31],
  [/^UNSAFE(?= )/gm, 31],
  [/^error WB\d{4}(?=:)/gm, 31],
  [/^(?:warning|weakened)(?=:)/gm, 33],
];

/** Whether a stream is a terminal that shows colours, and the user wants them (https://no-color.org). */
export function showsColour(
  stream: { readonly isTTY?: boolean },
  environment: Readonly<Record<string, string | undefined>>,
): boolean {
  const isWanted = (environment["NO_COLOR"] ?? "") === "" && environment["TERM"] !== "dumb";
  return stream.isTTY === true && isWanted;
}

/** Text, already made printable, with the words that decide in colour. */
export function paint(text: string, isColoured: boolean): string {
  if (!isColoured) return text;
  return COLOURS.reduce(
    (painted, [line, code]) =>
      painted.replaceAll(line, (word) => `\u001B[1;${code}m${word}\u001B[0m`),
    text,
  );
}
