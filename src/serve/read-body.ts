import { setImmediate } from "node:timers/promises";
import type { Context } from "hono";
import { parseWithNumbers, type NumberSpan } from "../runtime/chat/python-json.ts";
import { Fields } from "./fields.ts";
import { Problem } from "./problem.ts";

/** Levels of lists and objects inside one another that a request may have. */
const MAX_DEPTH = 64;

/**
 * Lists, objects and texts, keys among them, that a request may have, and numbers that are not read as they are spelled. Each costs the parser a microsecond in the server's own thread,
 * so that 4 MiB of `[]` or of short keys would hold everybody up for a quarter of a second; a turn of a chat has some ten.
 */
const MAX_PARTS = 50_000;

/** UTF-16 units of a body that others are let in between the steps of reading: each takes some milliseconds. */
const LONG_UNITS = 2 ** 18;

/** The body of a request: a JSON object. @throws Problem 400, 415. */
export async function readFields(c: Context): Promise<Fields> {
  // Forms and plain text are what other sites may post without being asked.
  if (!/^application\/json\s*(;|$)/i.test(c.req.header("content-type") ?? ""))
    throw new Problem(415, "expected content-type application/json");
  const text = await c.req.text();
  await breath(text);
  const { spelled, odd } = checkShape(text);
  await breath(text);
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (error) {
    throw new Problem(400, "the body is not JSON", { cause: error });
  }
  await breath(text);
  return new Fields(body, spelled, () => (odd.length === 0 ? body : parseWithNumbers(text, odd)));
}

async function breath({ length }: string): Promise<void> {
  if (length > LONG_UNITS) await setImmediate();
}

/** Units of a name and of a number that are kept to be told of. */
const MAX_KEY_UNITS = 64;
const MAX_NUMBER_UNITS = 80;
const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

const QUOTE = 0x22;
const MINUS = 0x2d;
const isDigit = (unit: number): boolean => unit >= 0x30 && unit <= 0x39;
const BACKSLASH = 0x5c;
const isOpening = (unit: number): boolean => unit === 0x5b || unit === 0x7b;
const isClosing = (unit: number): boolean => unit === 0x5d || unit === 0x7d;

/** Numbers that JavaScript would print otherwise than they are spelled. */
interface OddNumbers {
  /** Of the object's own fields, by name. */
  readonly spelled: ReadonlyMap<string, string>;
  /** All of them, in order. */
  readonly odd: readonly NumberSpan[];
}

/** What is nested too deep would end the stack of whatever looks into it; what has too many parts would take long to parse. */
function checkShape(text: string): OddNumbers {
  const spelled = new Map<string, string>();
  const odd: NumberSpan[] = [];
  let key = "";
  let depth = 0;
  let parts = 0;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit === QUOTE) {
      parts++;
      const end = textEnd(text, index);
      if (depth === 1) key = text.slice(index, Math.min(end, index + MAX_KEY_UNITS) + 1);
      index = end;
    } else if (isOpening(unit)) {
      parts++;
      depth++;
    } else if (isClosing(unit)) depth--;
    else if (unit === MINUS || isDigit(unit)) {
      NUMBER.lastIndex = index;
      const number = NUMBER.exec(text)?.[0] ?? "";
      const isOdd = String(Number(number)) !== number;
      if (isOdd) {
        parts++;
        odd.push({ begin: index, end: index + number.length });
      }
      if (depth === 1) {
        const name = keyOf(key);
        // The last of two fields of one name counts.
        spelled.delete(name);
        if (isOdd) spelled.set(name, number.slice(0, MAX_NUMBER_UNITS));
      }
      index += Math.max(number.length - 1, 0);
    }
    if (depth > MAX_DEPTH) throw refused("levels of nesting", MAX_DEPTH);
    if (parts > MAX_PARTS)
      throw refused("lists, objects, texts and numbers with a point", MAX_PARTS);
  }
  return { spelled, odd };
}

function keyOf(quoted: string): string {
  try {
    return String(JSON.parse(quoted));
  } catch {
    return "";
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
