import { digitsOf } from "./python.ts";

/** The digits of the last word that has any, before the first empty line: a sign or a point between them is lost. */
export function gsm8kAnswer(text: string): string {
  const [paragraph = ""] = text.split("\n\n");
  const numbers = paragraph.split(" ").map(digitsOf);
  return numbers.findLast((digits) => digits !== "") ?? "";
}
