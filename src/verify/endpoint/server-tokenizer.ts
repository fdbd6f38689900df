import type { Tokenizer } from "../../runtime/tokenizer/tokenizer.ts";
import { AnswerFields } from "./answer-fields.ts";
import type { EndpointClient } from "./client.ts";

/** How far a server's tokenizer was held against ours. */
export interface TokenizerCheck {
  /** Texts whose token ids were compared. */
  readonly ids: number;
  /** Texts of which only the number of tokens was. */
  readonly counts: number;
  /** One sentence for each text that is read otherwise. */
  readonly differences: readonly string[];
  /** True where a text is read otherwise only by a token at its beginning. */
  readonly isFirstTokenOnly: boolean;
}

export const NOTHING_CHECKED: TokenizerCheck = {
  ids: 0,
  counts: 0,
  differences: [],
  isFirstTokenOnly: false,
};

/** A text as the server reads it. */
export interface ServerReading {
  readonly text: string;
  readonly ours: readonly number[];
  /** Undefined where only their number is known. */
  readonly theirs: readonly number[] | undefined;
  readonly count: number;
}

/** vLLM's route, or llama.cpp's of the same name; undefined where the server has neither. @throws WbError of the client. */
export async function tokenize(
  client: EndpointClient,
  model: string,
  text: string,
): Promise<readonly number[] | undefined> {
  for (const body of [
    { model, prompt: text },
    { content: text, add_special: true },
  ]) {
    const reply = await client.post("/tokenize", body);
    if (!reply.ok) continue;
    const ids = new AnswerFields(client.url, reply.body).ids("tokens");
    if (ids !== undefined) return ids;
  }
  return undefined;
}

/** Each text's ids from the server, as far as it tells them. */
export async function readingsByRoute(
  client: EndpointClient,
  model: string,
  tokenizer: Tokenizer,
  texts: readonly string[],
): Promise<readonly ServerReading[]> {
  const readings: ServerReading[] = [];
  for (const text of texts) {
    const theirs = await tokenize(client, model, text);
    if (theirs === undefined) return readings;
    readings.push({ text, ours: tokenizer.encode(text), theirs, count: theirs.length });
  }
  return readings;
}

/** Holds a server's readings against ours. Pure. */
export function compareReadings(readings: readonly ServerReading[]): TokenizerCheck {
  const wrong = readings.filter(({ ours, theirs, count }) =>
    theirs === undefined ? count !== ours.length : theirs.join() !== ours.join(),
  );
  return {
    ids: readings.filter(({ theirs }) => theirs !== undefined).length,
    counts: readings.filter(({ theirs }) => theirs === undefined).length,
    differences: wrong.map(describe),
    isFirstTokenOnly: wrong.length > 0 && wrong.every(isFirstOnly),
  };
}

function isFirstOnly({ ours, theirs, count }: ServerReading): boolean {
  if (theirs === undefined) return Math.abs(count - ours.length) === 1;
  return differByFirst(ours, theirs);
}

/** Whether one of the two has a token more, at its beginning, and is the same behind it. */
export function differByFirst(left: readonly number[], right: readonly number[]): boolean {
  return left.slice(1).join() === right.join() || right.slice(1).join() === left.join();
}

/** Characters and ids of a sentence. */
const SHOWN_TEXT = 40;
const SHOWN_IDS = 6;

function describe({ text, ours, theirs, count }: ServerReading): string {
  const what = JSON.stringify(text.slice(0, SHOWN_TEXT));
  if (theirs === undefined) return `${what} is ${ours.length} tokens here, ${count} on the server`;
  const [first = -1] = ours;
  if (ours.slice(1).join() === theirs.join())
    return `${what}: the server does not put id ${first} first, as this tokenizer does (no beginning-of-sequence token)`;
  if (theirs.slice(1).join() === ours.join())
    return `${what}: the server puts id ${theirs[0] ?? -1} first, which this tokenizer does not (a second beginning-of-sequence token?)`;
  return `${what} is ${shown(ours)} here, ${shown(theirs)} on the server`;
}

function shown(ids: readonly number[]): string {
  return `${ids.slice(0, SHOWN_IDS).join(", ")}${ids.length > SHOWN_IDS ? ", …" : ""}`;
}
