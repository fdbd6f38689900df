import { strip } from "./python.ts";

/**
 * Whether two TeX answers are the same after Hendrycks et al.'s normalisation (MATH, arXiv 2103.03874): fractions, roots, units,
 * spaces and leading zeros in one form.
 * @param lenient Whether a slash between other things than numbers is left as it is, as AGIEval does; OpenCompass's evaluator of MATH
 *   compares both answers as they are then.
 */
export function mathEqual(
  left: string | undefined,
  right: string | undefined,
  lenient: boolean,
): boolean {
  if (left === undefined || right === undefined) return left === right;
  const [one, other] = [inOneForm(left, lenient), inOneForm(right, lenient)];
  // Where one of them cannot be normalised, they are compared as they are.
  return one === undefined || other === undefined ? left === right : one === other;
}

function inOneForm(answer: string, lenient: boolean): string | undefined {
  let text = answer
    .replaceAll("\n", "")
    .replaceAll(String.raw`\!`, "")
    .replaceAll("\\\\", "\\")
    .replaceAll("tfrac", "frac")
    .replaceAll("dfrac", "frac")
    .replaceAll(String.raw`\left`, "")
    .replaceAll(String.raw`\right`, "")
    .replaceAll(String.raw`^{\circ}`, "")
    .replaceAll(String.raw`^\circ`, "")
    .replaceAll(String.raw`\$`, "");
  const parts = text.split(String.raw`\text{ `);
  if (parts.length > 2) return undefined;
  text = (parts[0] ?? "")
    .replaceAll(String.raw`\%`, "")
    .replaceAll(" .", " 0.")
    .replaceAll("{.", "{0.");
  if (text === "") return text;
  if (text.startsWith(".")) text = `0${text}`;
  const sides = text.split("=");
  // "k = 3": a short left side is a name.
  if (sides.length === 2 && (sides[0] ?? "").length <= 2) text = sides[1] ?? "";
  const rooted = longRoots(text);
  if (rooted === undefined) return undefined;
  const fractions = longFractions(rooted.replaceAll(" ", ""));
  if (fractions === undefined) return undefined;
  const plain = fractions === "0.5" ? String.raw`\frac{1}{2}` : fractions;
  return slashAsFraction(plain, lenient ? plain : undefined);
}

/** \sqrt3 as \sqrt{3}; undefined where a root has nothing under it. */
function longRoots(text: string): string | undefined {
  const [first = "", ...roots] = text.split(String.raw`\sqrt`);
  if (roots.includes("")) return undefined;
  const long = roots.map((part) => (part.startsWith("{") ? part : `{${part[0]}}${part.slice(1)}`));
  return [first, ...long].join(String.raw`\sqrt`);
}

/** \frac12 and \frac1{72} as \frac{1}{2} and \frac{1}{72}; undefined where a fraction has nothing behind it. */
function longFractions(text: string): string | undefined {
  const [first = "", ...fractions] = text.split(String.raw`\frac`);
  if (fractions.includes("")) return undefined;
  if (fractions.some((part) => !part.startsWith("{") && part.length < 2)) return text;
  const long = fractions.map((part) => {
    if (part.startsWith("{")) return part;
    const [above, below] = [part[0] ?? "", part[1] ?? ""];
    return below === "{" ? `{${above}}${part.slice(1)}` : `{${above}}{${below}}${part.slice(2)}`;
  });
  return [first, ...long].join(String.raw`\frac`);
}

/** 3/4 as a fraction, where both are whole numbers; `otherwise` where they are no numbers at all. */
function slashAsFraction(text: string, otherwise: string | undefined): string | undefined {
  const parts = text.split("/");
  if (parts.length !== 2) return text;
  if (!parts.every((part) => /^[+-]?\p{Nd}+(?:_\p{Nd}+)*$/u.test(strip(part)))) return otherwise;
  const isPlain = /^(?:0|-?[1-9]\d*)\/(?:0|-?[1-9]\d*)$/.test(text);
  return isPlain ? `\\frac{${parts[0]}}{${parts[1]}}` : text;
}
