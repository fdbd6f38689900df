import { memorySource, sliceSource } from "../../sources/file.ts";
import type { ByteSource } from "../../tensor/byte-source.ts";
import type { Findings } from "../findings.ts";
import { runsCode } from "../kinds/target.ts";
import { standingOf } from "../names.ts";
import type { TracedGlobal } from "./stack.ts";
import { tracePickle } from "./trace.ts";

/** Bytes of a pickle that are searched; larger ones are weights. */
const MAX_SEARCHED_BYTES = 64 * 2 ** 20;

/** Places of one pickle that are followed; in numbers, one place in 65,000 looks like a beginning. */
const MAX_PLACES = 20_000;

/** Texts in texts in texts that are decoded. */
const MAX_DEPTH = 3;

/** Beginnings of a pickle of protocols 2 to 5, as they are and in base64 and hexadecimal. */
const BASE64 = /gA[IJKLMNOPQRSTUVWX][A-Za-z0-9+/\r\n]{12,}={0,2}/g;
const HEX = /80 ?0[2-5](?: ?[0-9a-fA-F]{2}){8,}/g;

/** A name that a pickle of protocol 0 or 1 imports, wherever it stands; INST's arguments are before it. */
const SECOND_LINE = /\n(?=[A-Za-z_][\w.]{0,200}\r?\n)/g;
const MAX_NAME_UNITS = 200;

/** How what is imported goes on where it is called soon: with arguments, with a place in the memo, or with another import. */
const GOES_ON = /^[A-Za-z_][\w.]{0,200}\r?\n(?:[.()\]}N0]|p[ \d+]|q[^a-z]|c)/;

/** Places of a text that are followed, and bytes behind each; a payload is short. */
const MAX_TEXT_PLACES = 500;
const FOLLOWED_BYTES = 4096;

/** Bytes before INST in which its mark is looked for, and the marks that are tried. */
const BEFORE_INST_BYTES = 200;
const MAX_MARKS = 20;

/** Names of Python's modules: what else stands there is chance. */
const MODULE = /^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$/;

/**
 * Looks for pickles in the data of a pickle: nothing runs them by itself, but a program that unpickles them does. Those that name what is not
 * allowed are reasons; found is what runs to its STOP.
 */
export async function findNested(
  source: ByteSource,
  findings: Findings,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (source.byteLength > MAX_SEARCHED_BYTES) return;
  const bytes = Buffer.from(await source.read(0, source.byteLength));
  await search(bytes, { label: source.label, how: "", depth: 0 }, findings, signal);
}

/** Every place where an import may begin: before a name that ends its line, with another name on the next. */
function* importsIn(text: string): Generator<number> {
  for (const { index: end } of text.matchAll(SECOND_LINE)) {
    if (!GOES_ON.test(text.slice(end + 1, end + 2 * MAX_NAME_UNITS))) continue;
    const before = text.slice(Math.max(0, end - MAX_NAME_UNITS), end).trimEnd();
    const line = /[\w.]*$/.exec(before)?.[0] ?? "";
    const begin = Math.max(0, end - MAX_NAME_UNITS) + before.length - line.length;
    for (const { index } of line.matchAll(/[ci](?=[A-Za-z_])/g)) yield begin + index;
  }
}

/**
 * The same of a text, in which a pickle without a mark may stand as well: behind a line that its own loader passes over.
 * @returns Whether all of the text was looked at.
 */
export async function findInText(
  source: ByteSource,
  findings: Findings,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  await findNested(source, findings, signal);
  if (source.byteLength > MAX_SEARCHED_BYTES) return false;
  const bytes = Buffer.from(await source.read(0, source.byteLength));
  return searchText(bytes.toString("latin1"), source, findings, signal);
}

interface Where {
  readonly label: string;
  /** "", " in base64", … */
  readonly how: string;
  readonly depth: number;
}

async function search(
  bytes: Buffer,
  where: Where,
  findings: Findings,
  signal: AbortSignal | undefined,
): Promise<void> {
  const source = memorySource(bytes, where.label);
  // The pickle itself begins at 0; one in a decoded text is looked at there, too.
  let begin = bytes.indexOf(0x80, where.depth === 0 ? 1 : 0);
  for (let places = 0; begin >= 0 && places < MAX_PLACES; begin = bytes.indexOf(0x80, begin + 1)) {
    const protocol = bytes[begin + 1] ?? 0;
    if (protocol < 2 || protocol > 5) continue;
    places++;
    const name = await forbiddenName(source, begin, signal);
    if (name !== undefined)
      findings.reason(
        "WB5201",
        `${where.label}: the data${where.how} holds another pickle, which names ${JSON.stringify(name)}: a program that unpickles it imports that`,
      );
  }
  const text = bytes.toString("latin1");
  if (where.depth >= MAX_DEPTH) return;
  for (const [pattern, encoding, how] of [
    [BASE64, "base64", " in base64"],
    [HEX, "hex", " in hexadecimal"],
  ] as const) {
    for (const [found] of text.matchAll(pattern)) {
      const decoded = Buffer.from(found.replaceAll(/\s/g, ""), encoding);
      await search(decoded, { ...where, how, depth: where.depth + 1 }, findings, signal);
    }
  }
}

async function searchText(
  text: string,
  source: ByteSource,
  findings: Findings,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  let places = 0;
  for (const index of importsIn(text)) {
    for (const begin of text.charAt(index) === "c" ? [index] : marksBefore(text, index)) {
      // What the file itself begins with is traced already.
      if (begin === 0) continue;
      if (places++ === MAX_TEXT_PLACES) return false;
      const length = Math.min(FOLLOWED_BYTES, source.byteLength - begin);
      const part = sliceSource(source, begin, length, source.label);
      const name = await forbiddenName(part, 0, signal, true);
      if (name !== undefined)
        findings.reason(
          "WB5201",
          `${source.label}: the text holds a pickle, which calls ${JSON.stringify(name)}`,
        );
    }
  }
  return true;
}

function marksBefore(text: string, end: number): readonly number[] {
  const marks: number[] = [];
  const least = Math.max(0, end - BEFORE_INST_BYTES);
  for (let at = text.lastIndexOf("(", end); at >= least;) {
    marks.push(at);
    if (at === 0 || marks.length === MAX_MARKS) break;
    at = text.lastIndexOf("(", at - 1);
  }
  return marks;
}

async function forbiddenName(
  source: ByteSource,
  begin: number,
  signal: AbortSignal | undefined,
  isText = false,
): Promise<string | undefined> {
  const names: Omit<TracedGlobal, "kind">[] = [];
  const { broken, calls } = await tracePickle(
    source,
    begin,
    { onGlobal: (global) => names.push(global), onHidden: () => undefined },
    signal,
  );
  // Two words and a few letters are an import and a call now and then, but none of what runs commands.
  const isMeant = ({ module, name }: { readonly module: string; readonly name: string }): boolean =>
    !isText || broken === undefined || runsCode(`${module}.${name}`);
  if (isText ? !calls : broken !== undefined) return undefined;
  const bad = names.find(
    ({ module, name }) =>
      MODULE.test(module) && standingOf(module, name) === "other" && isMeant({ module, name }),
  );
  return bad === undefined ? undefined : `${bad.module}.${bad.name}`;
}
