import { digitsOf, strip } from "./python.ts";

/** Replaced in this order (Lewkowycz et al. 2022, arXiv 2206.14858, appendix D.1). */
const REPLACED: readonly (readonly [string, string])[] = [
  ["an ", ""],
  ["a ", ""],
  [".$", "$"],
  [String.raw`\$`, ""],
  ["\\ ", ""],
  [" ", ""],
  ["mbox", "text"],
  [String.raw`,\text{and}`, ","],
  [String.raw`\text{and}`, ","],
  [String.raw`\text{m}`, String.raw`\text{}`],
  [String.raw`\le`, "<"],
];

/** Left out in this order: units, words and marks (the same appendix). */
const LEFT_OUT = [
  ..."square ways integers dollars mph inches ft hours km units".split(" "),
  String.raw`\ldots`,
  ..."sue points feet minutes digits cents degrees cm gm pounds meters meals edges students".split(
    " ",
  ),
  "childrentickets",
  "multiples",
  String.raw`\text{s}`,
  String.raw`\text{.}`,
  "\\text{\ns}",
  String.raw`\text{}^2`,
  String.raw`\text{}^3`,
  "\\text{\n}",
  String.raw`\text{}`,
  String.raw`\mathrm{th}`,
  String.raw`^\circ`,
  String.raw`^{\circ}`,
  String.raw`\;`,
  String.raw`,\!`,
  "{,}",
  '"',
  String.raw`\dots`,
  "\n",
  "\r",
  "\f",
];

/** The answer of the first sentence that says "final answer", else of the first; normalised as Minerva's was. */
export function mathAnswer(text: string): string {
  const sentences = text.split(".");
  const sentence = sentences.find((part) => part.toLowerCase().includes("final answer"));
  return normalised(sentence ?? sentences[0] ?? "");
}

function normalised(sentence: string): string {
  let answer = sentence;
  for (const [from, to] of REPLACED) answer = answer.replaceAll(from, () => to);
  for (const part of LEFT_OUT) answer = answer.replaceAll(part, "");
  answer = answer
    .replaceAll(/(\\text\{)([^\n]*?)(\})/g, "$2")
    .replaceAll(/(\\textbf\{)([^\n]*?)(\})/g, "$2")
    .replaceAll(/(\\overline\{)([^\n]*?)(\})/g, "$2")
    .replaceAll(/(\\boxed\{)([^\n]*)(\})/g, "$2");
  for (const pattern of [/finalansweris([^\n]*)/g, /oxed\{([^\n]*?)\}/g, /\$([^\n]*?)\$/g])
    answer = [...answer.matchAll(pattern)].at(-1)?.[1] ?? answer;
  answer = strip(answer);
  if (answer.includes("rac") && !answer.includes(String.raw`\frac`))
    answer = answer.replaceAll("rac", String.raw`\frac`);
  // \fracab and \sqrta in their long form.
  answer = answer
    .replaceAll(/(frac)([^{])([^\n])/gu, "frac{$2}{$3}")
    .replaceAll(/(sqrt)([^{])/gu, "sqrt{$2}")
    .replaceAll("$", "");
  const digits = answer.replaceAll(",", "");
  return digits !== "" && digitsOf(digits) === digits ? digits : answer;
}
