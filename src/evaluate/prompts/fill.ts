/**
 * Puts values in the place of {name}, one name after the other in the order of the columns: braces around anything else stay as
 * they are, doubled ones too, and a value that holds {name} of a later column is read again. That is how OpenCompass fills its
 * templates (`safe_format` of 0.1.5), so that its prompts are met where a question holds such braces.
 */
export function fill(template: string, values: Iterable<readonly [string, string]>): string {
  let text = template;
  for (const [name, value] of values) text = text.replaceAll(`{${name}}`, () => value);
  return text;
}
