import { WbError } from "../../errors/wb-error.ts";
import { PickleCursor } from "../../formats/pickle/cursor.ts";
import type { ByteSource } from "../../tensor/byte-source.ts";
import type { Examination } from "../context.ts";
import { examined, notUnderstood, type Judgement } from "../judgement.ts";
import { templateEscape } from "./template.ts";

export const GGUF_MAGIC = Buffer.from("GGUF", "latin1");

/** Keys of the metadata, and items of an array of it; a vocabulary has 300,000 at most. */
const MAX_ITEMS = 10_000_000;

/** Longest text that is read: a chat template has some thousand characters. */
const MAX_TEXT_BYTES = 2 ** 20;

/** Bytes of the values of fixed width by type (ggml, docs/gguf.md: gguf_metadata_value_type). */
const WIDTHS: Readonly<Record<number, number>> = {
  0: 1,
  1: 1,
  2: 2,
  3: 2,
  4: 4,
  5: 4,
  6: 4,
  7: 1,
  10: 8,
  11: 8,
  12: 8,
};
const STRING = 8;
const ARRAY = 9;

/** Judges GGUF: numbers and metadata, of which the chat templates are programs of Jinja. */
export async function examineGguf(source: ByteSource, context: Examination): Promise<Judgement> {
  try {
    const count = await templatesIn(source, context);
    const what = "GGUF: metadata and numbers";
    return examined(
      count === 0 ? what : `${what}, and ${count} chat templates, programs of Jinja in a sandbox`,
    );
  } catch (error) {
    if (error instanceof WbError) return notUnderstood(`damaged GGUF: ${error.message}`);
    throw error;
  }
}

async function templatesIn(source: ByteSource, { findings }: Examination): Promise<number> {
  const cursor = new PickleCursor(source, GGUF_MAGIC.byteLength);
  await cursor.need(20, "the header");
  const version = cursor.u32();
  if (version < 2 || version > 3) throw damaged(source, `version ${version}`);
  cursor.u64();
  const keys = countOf(cursor.u64(), source);
  let templates = 0;
  for (let index = 0; index < keys; index++) {
    const key = await text(cursor, source);
    await cursor.need(4, "the type of a value");
    const type = cursor.u32();
    if (type !== STRING || !/chat_template(\.|$)/.test(key)) {
      await skip(cursor, source, type);
      continue;
    }
    templates++;
    const escape = templateEscape(await text(cursor, source));
    if (escape !== undefined)
      findings.reason("WB5001", `${source.label}: ${key} reaches for ${JSON.stringify(escape)}`);
  }
  return templates;
}

async function skip(cursor: PickleCursor, source: ByteSource, type: number): Promise<void> {
  if (type === STRING) await skipText(cursor, source);
  else if (type === ARRAY) {
    await cursor.need(12, "an array");
    const inner = cursor.u32();
    const count = countOf(cursor.u64(), source);
    const width = WIDTHS[inner];
    if (width !== undefined) step(cursor, source, width * count);
    else if (inner === STRING)
      for (let item = 0; item < count; item++) await skipText(cursor, source);
    else throw damaged(source, `an array of type ${inner}`);
  } else {
    const width = WIDTHS[type];
    if (width === undefined) throw damaged(source, `a value of type ${type}`);
    step(cursor, source, width);
  }
}

async function skipText(cursor: PickleCursor, source: ByteSource): Promise<void> {
  if (!cursor.has(8)) await cursor.need(8, "a length");
  step(cursor, source, countOf(cursor.u64(), source));
}

async function text(cursor: PickleCursor, source: ByteSource): Promise<string> {
  await cursor.need(8, "a length");
  const length = countOf(cursor.u64(), source);
  if (length > MAX_TEXT_BYTES) throw damaged(source, `a text of ${length} bytes`);
  await cursor.need(length, "a text");
  return Buffer.from(cursor.bytes(length)).toString("utf8");
}

function step(cursor: PickleCursor, source: ByteSource, bytes: number): void {
  if (bytes > cursor.remaining) throw damaged(source, "a value that reaches past the end");
  cursor.range(bytes);
}

function countOf(value: bigint, source: ByteSource): number {
  if (value <= BigInt(Math.max(MAX_ITEMS, MAX_TEXT_BYTES))) return Number(value);
  throw damaged(source, `a count of ${value}`);
}

function damaged({ label }: ByteSource, problem: string): WbError {
  return new WbError("WB3003", `${label}: ${problem}`, { details: { path: label } });
}
