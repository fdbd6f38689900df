import type { Tokenizer } from "../../runtime/tokenizer/tokenizer.ts";
import type { EndpointClient } from "./client.ts";
import type { EndpointPrompt } from "./endpoint-prompts.ts";
import type { Protocol, Way } from "./protocol.ts";
import { readAnswer } from "./read-answer.ts";
import {
  compareReadings,
  NOTHING_CHECKED,
  readingsByRoute,
  type ServerReading,
  type TokenizerCheck,
} from "./server-tokenizer.ts";
import type { ReadAnswer, ToldSequence } from "./told.ts";
import { TokenTexts } from "./token-texts.ts";

/** New tokens of each answer: where the prompt is not told of, they are all that is. */
export const ANSWER_TOKENS = 8;

/** What a server said of the prompts. */
export interface Asked {
  /** Prompts with log-probabilities, as the server has them. */
  readonly sequences: readonly ToldSequence[];
  readonly answers: readonly ReadAnswer[];
  readonly way: Way | undefined;
  readonly tokenizer: TokenizerCheck;
}

/**
 * Asks for a completion of every prompt, with log-probabilities of the prompt where the server gives them, and how the server
 * reads the texts. Answers are drawn at temperature 1, so that a server which tells what it draws from tells the model's own.
 * @throws WbError of the client and the protocol, WB3961.
 */
export async function askPrompts(
  client: EndpointClient,
  protocol: Protocol,
  prompts: readonly EndpointPrompt[],
  tokenizer: Tokenizer | undefined,
  vocabSize: number,
): Promise<Asked> {
  const texts = new TokenTexts(tokenizer, vocabSize);
  const answers: ReadAnswer[] = [];
  for (const [index, { ids, text }] of prompts.entries()) {
    const read = (body: Readonly<Record<string, unknown>>, way: Way): ReadAnswer =>
      readAnswer(client.url, body, { ids, echo: way.echo, vocabSize }, texts);
    const { body, way } = await protocol.complete(
      { ids, text, maxTokens: ANSWER_TOKENS, temperature: 1, seed: index, logprobs: true },
      (found, asked) => suffices(read(found, asked), asked),
    );
    answers.push(read(body, way));
  }
  const sequences = prompts.flatMap(({ name }, index) => {
    const { promptIds, answerIds = [], rows = [] } = answers[index] ?? {};
    if (promptIds === undefined || rows.length === 0) return [];
    return [{ name, ids: [...promptIds, ...answerIds], promptTokens: promptIds.length, rows }];
  });
  return {
    sequences,
    answers,
    way: protocol.way,
    tokenizer:
      tokenizer === undefined
        ? NOTHING_CHECKED
        : await checkTokenizer(client, protocol, prompts, tokenizer, answers),
  };
}

/** An echo without the prompt's log-probabilities is asked for otherwise, and so is an answer without any. */
function suffices({ rows, promptIds, reading }: ReadAnswer, { echo }: Way): boolean {
  if (reading.kind === "other") return true;
  const behind = (promptIds?.length ?? 0) - 1;
  return (
    rows.length > 0 && (!echo || behind === 0 || rows.some(({ position }) => position < behind))
  );
}

/** By the server's own route, else by the texts that it completed: their ids where it tells them, or their number. */
async function checkTokenizer(
  client: EndpointClient,
  protocol: Protocol,
  prompts: readonly EndpointPrompt[],
  tokenizer: Tokenizer,
  answers: readonly ReadAnswer[],
): Promise<TokenizerCheck> {
  const texts = prompts.flatMap(({ text }) => text ?? []);
  const told = await readingsByRoute(client, protocol.model, tokenizer, texts);
  if (told.length > 0) return compareReadings(told);
  if (protocol.way?.prompt === "text") return compareReadings(readingsOf(prompts, answers));
  return compareReadings(await readingsByCompletion(client, protocol, prompts));
}

function readingsOf(
  prompts: readonly EndpointPrompt[],
  answers: readonly ReadAnswer[],
): readonly ServerReading[] {
  return prompts.flatMap(({ text, ids }, index) => readingOf(text, ids, answers[index]));
}

/** One text as the server says that it reads it; none where it says nothing of it. */
function readingOf(
  text: string | undefined,
  ours: readonly number[],
  answer: ReadAnswer | undefined,
): readonly ServerReading[] {
  if (text === undefined || answer === undefined || answer.tells === "nothing") return [];
  const { reading, tells, promptIds } = answer;
  const difference = { same: 0, "without-first": -1, "with-first": 1 } as const;
  const count = reading.kind === "other" ? reading.theirs : ours.length + difference[reading.kind];
  return [{ text, ours, theirs: tells === "ids" ? promptIds : undefined, count }];
}

/** Texts that a server without a route is asked to complete by one token each. */
const COMPLETED_TEXTS = 3;

async function readingsByCompletion(
  client: EndpointClient,
  protocol: Protocol,
  prompts: readonly EndpointPrompt[],
): Promise<readonly ServerReading[]> {
  const readings: ServerReading[] = [];
  const withText = prompts.filter(({ text }) => text !== undefined);
  for (const { text, ids } of withText.slice(0, COMPLETED_TEXTS)) {
    const reply = await client.post("completions", {
      model: protocol.model,
      prompt: text,
      max_tokens: 1,
      ...(protocol.way?.tellIds === true ? { return_token_ids: true } : {}),
    });
    if (!reply.ok) return readings;
    const asked = { ids, echo: false, vocabSize: Number.MAX_SAFE_INTEGER };
    const answer = readAnswer(client.url, reply.body, asked, new TokenTexts(undefined, 0));
    readings.push(...readingOf(text, ids, answer));
  }
  return readings;
}
