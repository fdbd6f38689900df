import { AnswerFields } from "./answer-fields.ts";
import type { PromptReading, ReadAnswer, ToldRow, ToldValue } from "./told.ts";
import type { TokenTexts } from "./token-texts.ts";

/** What was asked, as far as an answer is read by it. */
export interface Asked {
  /** Our ids of the prompt. */
  readonly ids: readonly number[];
  /** Whether the answer's log-probabilities begin with the prompt's. */
  readonly echo: boolean;
  readonly vocabSize: number;
}

/** A token as a server told it. */
interface ToldToken {
  readonly id: number | undefined;
  readonly logprob: number | null;
  /** Undefined where no list came with it. */
  readonly top: readonly ToldValue[] | undefined;
  /** Entries of the list that could not be read. */
  readonly unreadable: number;
}

/**
 * Reads an answer of /v1/completions in its three forms: the four lists of OpenAI's completions, the same with "token_id:N", and
 * llama.cpp's list of objects with ids. Pure.
 * @throws WbError WB3961.
 */
export function readAnswer(
  url: string,
  body: Readonly<Record<string, unknown>>,
  asked: Asked,
  texts: TokenTexts,
): ReadAnswer {
  const whole = new AnswerFields(url, body);
  const choice = whole.objects("choices")?.[0];
  if (choice === undefined) throw whole.needed("choices[0]");
  const tokens = toldTokens(choice, texts);
  const answered = choice.ids("token_ids");
  const given = choice.ids("prompt_token_ids") ?? whole.ids("prompt_token_ids");
  const counted = whole.object("usage")?.whole("prompt_tokens");
  const newTokens = answered?.length ?? whole.object("usage")?.whole("completion_tokens");
  const echoed = asked.echo && newTokens !== undefined ? tokens.length - newTokens : 0;
  const told = echoedIds(tokens, Math.max(0, echoed));
  const hidesFirst = leavesOutFirst(asked.ids, { told, echoed, counted });
  const own = given ?? (hidesFirst ? asked.ids : told);
  // A count alone says of a prompt no more than its length.
  const theirs = own?.length ?? (echoed > 0 ? echoed : undefined) ?? counted ?? asked.ids.length;
  const reading = own === undefined ? byCount(asked.ids, theirs) : byIds(asked.ids, own);
  const promptIds = own ?? idsOf(asked.ids, reading);
  const behind = echoed > 0 ? tokens.slice(echoed) : tokens;
  const answerIds = answered ?? leading(behind.map(({ id }) => id));
  const hasIds = answered !== undefined;
  const unreadable = tokens.reduce((sum, token) => sum + token.unreadable, 0);
  const isCounted = echoed > 0 || counted !== undefined;
  const tells: ReadAnswer["tells"] = own !== undefined ? "ids" : isCounted ? "count" : "nothing";
  const shared = { reading, tells, promptIds, answerIds, hasIds, unreadable };
  if (promptIds === undefined) return { ...shared, rows: [] };
  const ids = [...promptIds, ...answerIds];
  checkIds(choice, ids, asked.vocabSize);
  const first = echoed > 0 ? Number(hidesFirst) : promptIds.length;
  const rows = tokens.flatMap((token, index) => rowOf(token, first + index, ids));
  return { ...shared, rows };
}

function toldTokens(choice: AnswerFields, texts: TokenTexts): readonly ToldToken[] {
  const logprobs = choice.object("logprobs");
  if (logprobs === undefined) return [];
  const content = logprobs.objects("content");
  if (content !== undefined) return content.map((entry) => contentToken(entry, texts));
  const tokens = logprobs.texts("tokens");
  if (tokens === undefined) return [];
  const values = logprobs.list("token_logprobs");
  if (values?.length !== tokens.length)
    throw logprobs.wrong("token_logprobs", `${tokens.length} values, one a token`, values?.length);
  const lists = logprobs.list("top_logprobs");
  if (lists !== undefined && lists.length !== tokens.length)
    throw logprobs.wrong("top_logprobs", `${tokens.length} lists, one a token`, lists.length);
  return tokens.map((text, index) => ({
    id: texts.idOf(text),
    logprob: logprobs.logprob("token_logprobs", values[index]),
    ...topByText(logprobs, lists?.[index], texts),
  }));
}

type Top = Pick<ToldToken, "top" | "unreadable">;

function topByText(logprobs: AnswerFields, list: unknown, texts: TokenTexts): Top {
  if (list === undefined || list === null) return { top: undefined, unreadable: 0 };
  if (typeof list !== "object" || Array.isArray(list))
    throw logprobs.wrong("top_logprobs", "an object for each token", list);
  const entries = Object.entries(list).map(([text, value]: readonly [string, unknown]) => ({
    id: texts.idOf(text),
    logprob: logprobs.logprob("top_logprobs", value),
  }));
  return readable(entries);
}

/** llama.cpp writes one value in an object with each token. */
function valueIn(fields: AnswerFields): number | null {
  const found = fields.entries().find(([name]) => name === "logprob")?.[1];
  return fields.logprob("logprob", found);
}

function contentToken(entry: AnswerFields, texts: TokenTexts): ToldToken {
  const idIn = (fields: AnswerFields): number | undefined =>
    fields.whole("id") ?? texts.idOf(fields.text("token") ?? "");
  const list = entry.objects("top_logprobs");
  const top =
    list === undefined
      ? { top: undefined, unreadable: 0 }
      : readable(list.map((one) => ({ id: idIn(one), logprob: valueIn(one) })));
  return { id: idIn(entry), logprob: valueIn(entry), ...top };
}

function readable(
  entries: readonly { readonly id: number | undefined; readonly logprob: number | null }[],
): Top {
  const top = entries.flatMap(({ id, logprob }) =>
    id === undefined || logprob === null ? [] : [{ id, logprob }],
  );
  return {
    top: top.toSorted((left, right) => right.logprob - left.logprob),
    unreadable: entries.length - top.length,
  };
}

/** The prompt's ids, where every one of them could be read. */
function echoedIds(tokens: readonly ToldToken[], count: number): readonly number[] | undefined {
  const ids = leading(tokens.slice(0, count).map(({ id }) => id));
  return count > 0 && ids.length === count ? ids : undefined;
}

function leading(ids: readonly (number | undefined)[]): readonly number[] {
  const end = ids.indexOf(undefined);
  return (end < 0 ? ids : ids.slice(0, end)).flatMap((id) => id ?? []);
}

/**
 * llama.cpp's server in Python counts the beginning of a text among the prompt's tokens, and leaves it out of the echo. That it is our
 * first token, the log-probabilities behind it show.
 */
function leavesOutFirst(
  ours: readonly number[],
  {
    told,
    echoed,
    counted,
  }: {
    readonly told: readonly number[] | undefined;
    readonly echoed: number;
    readonly counted: number | undefined;
  },
): boolean {
  if (echoed <= 0 || counted !== echoed + 1 || counted !== ours.length) return false;
  return told === undefined || told.join() === ours.slice(1).join();
}

function byIds(ours: readonly number[], theirs: readonly number[]): PromptReading {
  if (ours.join() === theirs.join()) return { kind: "same" };
  const [first = -1] = ours;
  if (ours.slice(1).join() === theirs.join()) return { kind: "without-first", id: first };
  if (theirs.slice(1).join() === ours.join()) return { kind: "with-first", id: theirs[0] };
  return { kind: "other", ours: ours.length, theirs: theirs.length };
}

function byCount(ours: readonly number[], theirs: number): PromptReading {
  const [first = -1] = ours;
  if (theirs === ours.length) return { kind: "same" };
  if (theirs === ours.length - 1) return { kind: "without-first", id: first };
  if (theirs === ours.length + 1) return { kind: "with-first", id: undefined };
  return { kind: "other", ours: ours.length, theirs };
}

/** What a server has that only told how many tokens it has. */
function idsOf(ours: readonly number[], reading: PromptReading): readonly number[] | undefined {
  if (reading.kind === "same") return ours;
  return reading.kind === "without-first" ? ours.slice(1) : undefined;
}

function checkIds(choice: AnswerFields, ids: readonly number[], vocabSize: number): void {
  const wrong = ids.find((id) => id >= vocabSize);
  if (wrong !== undefined)
    throw choice.wrong("token ids", `ids below the model's vocabulary of ${vocabSize}`, wrong);
}

function rowOf(token: ToldToken, place: number, ids: readonly number[]): readonly ToldRow[] {
  // Nothing comes before a prompt's first token; behind an unread id our logits are not the server's.
  if (place === 0 || place > ids.length) return [];
  const id = ids[place] ?? token.id;
  const values = new Map<number, number>();
  for (const { id: one, logprob } of token.top ?? []) values.set(one, logprob);
  if (id !== undefined && token.logprob !== null) values.set(id, token.logprob);
  if (values.size === 0) return [];
  const top = token.unreadable === 0 ? token.top?.map((one) => one.id) : undefined;
  return [
    {
      position: place - 1,
      values: [...values].map(([one, logprob]) => ({ id: one, logprob })),
      top: top === undefined || top.length === 0 ? undefined : top,
    },
  ];
}
