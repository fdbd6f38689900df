import { parseTemplate } from "../../runtime/chat/jinja/syntax/parse-statement.ts";
import { JinjaError } from "../../runtime/chat/jinja/problem.ts";
import type { Findings } from "../findings.ts";
import { computedName } from "./computed-names.ts";

/** How a chat template reaches Python: names that begin with underscores, and the filter that fetches them. */
const ESCAPES: readonly RegExp[] = [
  /__\w+__/,
  /\|\s*attr\b/,
  /\b(?:cycler|joiner|lipsum|namespace|self|config|request|url_for|get_flashed_messages)\s*(?:\.\s*__|\[)/,
  // An attribute whose name is put together, so that none of it can be read.
  /\[[^\]]*(?:~|\+|%|\|\s*(?:join|format|replace|reverse))[^\]]*\]\s*\(/,
  /["'][^"']*\\(?:x5f|u005f|U0000005f|137|N\{LOW LINE\})/i,
];

/** What of a template is known to leave the sandbox that it needs. */
function templateEscape(template: string): string | undefined {
  const found = ESCAPES.map((pattern) => pattern.exec(template)?.[0]).find(
    (text) => text !== undefined,
  );
  return found?.slice(0, 60);
}

/** A block of a template in which an attribute of Python's objects is named that leads out of any sandbox. */
const ESCAPING_BLOCK =
  /\{[{%][^{}]{0,2000}?(?:__(?:class|mro|bases?|subclasses|init|globals|builtins|import|getattribute|reduce|reduce_ex|dict|code|closure|self|loader|spec|getitem)__|\|\s*attr\b|(?:\\(?:x5f|u005f|U0000005f|137|N\{LOW LINE\})){2})/i;

/** A name in brackets that is put together of texts; for texts that are no template of ours. */
const COMPUTING =
  /\[[^\][]{0,200}["'][^\][]{0,200}(?:~|\+|%|\|\s*(?:join|format|replace|reverse))[^\][]{0,200}\]/;

/** Longest block that is looked at in such a text, in UTF-16 units. */
const MAX_BLOCK_UNITS = 4000;

/** Blocks that are looked at in such a text. */
const MAX_BLOCKS = 10_000;

/** The first block in which a name is put together. */
function computingBlock(text: string): string | undefined {
  let begin = text.search(BLOCK);
  for (let count = 0; begin >= 0; count++) {
    if (count === MAX_BLOCKS) return `more than ${MAX_BLOCKS} blocks`;
    const rest = text.slice(begin, begin + MAX_BLOCK_UNITS);
    const length = Math.max(2, rest.search(/[}%]\}/));
    const found = COMPUTING.exec(rest.slice(0, length))?.[0];
    if (found !== undefined) return found;
    const next = text.slice(begin + length).search(BLOCK);
    if (next < 0) return undefined;
    begin += length + next;
  }
  return undefined;
}

/** How a block of a template begins. */
export const BLOCK = /\{[{%]/;

/**
 * Judges a text under any name that some loader may render: where it reaches for Python is a reason; where a name is put together
 * that cannot be read, that is told.
 * @returns Why it is not understood; undefined where it is, or is no template.
 */
export function judgeBraced(text: string, what: string, findings: Findings): string | undefined {
  if (!BLOCK.test(text)) return undefined;
  const found = ESCAPING_BLOCK.exec(text)?.[0];
  if (found !== undefined) {
    findings.reason(
      "WB5001",
      `${what}: a template reaches for ${JSON.stringify(found.slice(-60))}`,
    );
    return undefined;
  }
  const name = text.length > MAX_TEMPLATE_UNITS ? undefined : nameIn(text);
  const computing = name ?? computingBlock(text)?.slice(0, 60);
  return computing === undefined
    ? undefined
    : `a text that reads as a template and fetches what cannot be read in it: ${computing}`;
}

/** What a template of ours fetches by a computed name; undefined also for a text that is none, as of Go or LaTeX. */
function nameIn(text: string): string | undefined {
  try {
    return computedName(parseTemplate(text));
  } catch (error) {
    if (error instanceof JinjaError || error instanceof RangeError) return undefined;
    throw error;
  }
}

/** Longest template that is parsed, in UTF-16 units; the longest published ones have some 20,000. */
const MAX_TEMPLATE_UNITS = 2 ** 20;

/**
 * Judges a chat template: what reaches for Python is a reason; where it cannot be read what it fetches, that is told.
 * @param what What messages call it.
 * @returns Why it is not understood; undefined where it is.
 */
export function judgeTemplate(
  template: string,
  what: string,
  findings: Findings,
): string | undefined {
  if (template.length > MAX_TEMPLATE_UNITS)
    return `a template of more than ${MAX_TEMPLATE_UNITS} characters`;
  const escape = templateEscape(template);
  if (escape !== undefined) {
    findings.reason("WB5001", `${what} reaches for ${JSON.stringify(escape)}`);
    return undefined;
  }
  try {
    const name = computedName(parseTemplate(template));
    return name === undefined
      ? undefined
      : `a template that fetches what cannot be read in it: ${name}`;
  } catch (error) {
    if (error instanceof JinjaError || error instanceof RangeError)
      return `a template that is not understood: ${error.message}`;
    throw error;
  }
}
