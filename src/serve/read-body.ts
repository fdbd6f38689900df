import { setImmediate } from "node:timers/promises";
import type { Context } from "hono";
import { Problem } from "./problem.ts";

/** Levels of lists and objects inside one another that a request may have. */
const MAX_DEPTH = 64;

/**
 * Lists, objects and texts, keys among them, that a request may have. Each costs the parser a microsecond in the server's own thread,
 * so that 4 MiB of `[]` or of short keys would hold everybody up for a quarter of a second; a turn of a chat has some ten.
 */
const MAX_PARTS = 50_000;

/** UTF-16 units of a body that others are let in between the steps of reading: each takes some milliseconds. */
const LONG_UNITS = 2 ** 18;

/** The body of a request as JSON. @throws Problem 400, 415. */
export async function readBody(c: Context): Promise<unknown> {
  // Forms and plain text are what other sites may post without being asked.
  if (!/^application\/json\s*(;|$)/i.test(c.req.header("content-type") ?? ""))
    throw new Problem(415, "expected content-type application/json");
  const text = await c.req.text();
  await breath(text);
  checkShape(text);
  await breath(text);
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (error) {
    throw new Problem(400, "the body is not JSON", { cause: error });
  }
  await breath(text);
  return body;
}

async function breath({ length }: string): Promise<void> {
  if (length > LONG_UNITS) await setImmediate();
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const isOpening = (unit: number): boolean => unit === 0x5b || unit === 0x7b;
const isClosing = (unit: number): boolean => unit === 0x5d || unit === 0x7d;

/** What is nested too deep would end the stack of whatever looks into it; what has too many parts would take long to parse. */
function checkShape(text: string): void {
  let depth = 0;
  let parts = 0;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit === QUOTE) {
      parts++;
      index = textEnd(text, index);
    } else if (isOpening(unit)) {
      parts++;
      depth++;
    } else if (isClosing(unit)) depth--;
    if (depth > MAX_DEPTH) throw refused("levels of nesting", MAX_DEPTH);
    if (parts > MAX_PARTS) throw refused("lists, objects and texts", MAX_PARTS);
  }
}

/** Index of the quote that ends the text which begins at an index; the end where there is none. */
function textEnd(text: string, begin: number): number {
  for (let index = begin + 1; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit === BACKSLASH) index++;
    else if (unit === QUOTE) return index;
  }
  return text.length;
}

function refused(what: string, most: number): Problem {
  return new Problem(400, `the body has more than ${most} ${what}`, { code: "invalid_value" });
}
