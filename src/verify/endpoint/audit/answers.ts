import type { Tokenizer } from "../../../runtime/tokenizer/tokenizer.ts";
import { AnswerFields } from "../answer-fields.ts";
import type { EndpointClient, Reply } from "../client.ts";
import type { EndpointPrompt } from "../endpoint-prompts.ts";
import { REFUSES_FORM, type Body } from "../protocol.ts";
import { readAnswer } from "../read-answer.ts";
import { TokenTexts } from "../token-texts.ts";
import { outcomesOfIds, outcomesOfTexts, type Outcomes } from "./outcomes.ts";

/** Tokens that a server is asked for at a time: at first a third greedily, the others drawn at temperature 1. */
export const AUDITED_TOKENS = 300;

/** One token that a server gave, and what came before it. */
export interface AuditRow {
  /** Index of the last token before it. */
  readonly position: number;
  readonly outcome: number;
  /** Its id, where it is known. */
  readonly id: number | undefined;
  readonly isGreedy: boolean;
}

/** One text with the tokens in it that the server gave. */
export interface AuditSequence {
  readonly name: string;
  readonly ids: readonly number[];
  readonly promptTokens: number;
  readonly rows: readonly AuditRow[];
}

/** What a server answered where it tells no log-probabilities. */
export interface Answers {
  readonly sequences: readonly AuditSequence[];
  readonly outcomes: Outcomes;
  /** Whether it told ids, or texts of one token each. */
  readonly by: "ids" | "texts";
}

/** What keeps a server from drawing from the likeliest tokens alone: names and values differ. */
const PLAIN_DRAWING: readonly Body[] = [
  { top_k: -1, min_p: 0, repetition_penalty: 1 },
  { top_k: 0, min_p: 0, repeat_penalty: 1 },
  {},
];

export interface AskFacts {
  readonly client: EndpointClient;
  readonly model: string;
  readonly tokenizer: Tokenizer | undefined;
  readonly vocabSize: number;
  readonly endIds: readonly number[];
}

/**
 * Asks for answers of several tokens with their ids, else for one token behind each of many beginnings.
 * @param round How often it was asked before: greedy answers would be the same again, and drawn ones get other seeds.
 */
export async function askAnswers(
  facts: AskFacts,
  prompts: readonly EndpointPrompt[],
  round = 0,
): Promise<Answers | undefined> {
  const asking = new Asking(facts, round);
  const length = Math.ceil(AUDITED_TOKENS / (3 * prompts.length));
  const outcomes = outcomesOfIds(facts.vocabSize, facts.endIds);
  const sequences: AuditSequence[] = [];
  for (const [index, prompt] of prompts.entries()) {
    // Two drawn answers for a greedy one: drawn tokens tell of every probability, greedy ones of the largest.
    for (const [turn, isGreedy] of [false, round === 0, false].entries()) {
      const answer = await asking.answer(prompt, length, isGreedy, 3 * index + turn);
      if (answer === undefined) return asking.texts(prompts);
      sequences.push(...answer);
    }
  }
  return { sequences, outcomes, by: "ids" };
}

class Asking {
  readonly #facts: AskFacts;
  readonly #texts: TokenTexts;
  readonly #round: number;
  #extra: Body | undefined;
  #prompt: "ids" | "text" | undefined;

  constructor(facts: AskFacts, round: number) {
    this.#facts = facts;
    this.#round = round;
    this.#texts = new TokenTexts(facts.tokenizer, facts.vocabSize);
  }

  /** An answer with its ids as one sequence; undefined where the server tells none. */
  async answer(
    { name, ids, text }: EndpointPrompt,
    length: number,
    isGreedy: boolean,
    seed: number,
  ): Promise<readonly AuditSequence[] | undefined> {
    const { client, vocabSize, endIds } = this.#facts;
    const extra = { return_token_ids: true, max_tokens: length };
    const reply = await this.#ask({ ids, text }, isGreedy, seed, extra);
    if (reply === undefined) return undefined;
    const read = readAnswer(client.url, reply, { ids, echo: false, vocabSize }, this.#texts);
    if (!read.hasIds) return undefined;
    const { promptIds, answerIds } = read;
    if (promptIds === undefined) return [];
    const choice = new AnswerFields(client.url, reply).objects("choices")?.[0];
    const hasEnded = choice?.text("finish_reason") === "stop" && answerIds.length < length;
    const [end] = endIds;
    const isTold = endIds.includes(answerIds.at(-1) ?? -1);
    // Some servers leave the token out that ends an answer: that it came is what was drawn.
    const given = hasEnded && !isTold && end !== undefined ? [...answerIds, end] : answerIds;
    const outcomes = outcomesOfIds(vocabSize, endIds);
    const rows = given.map((id, index) => ({
      position: promptIds.length + index - 1,
      outcome: outcomes.of(id),
      id: endIds.includes(id) ? undefined : id,
      isGreedy,
    }));
    return [{ name, ids: [...promptIds, ...answerIds], promptTokens: promptIds.length, rows }];
  }

  /** One token behind each of many beginnings of the prompts: its text is what it is. */
  async texts(prompts: readonly EndpointPrompt[]): Promise<Answers | undefined> {
    const { tokenizer, vocabSize } = this.#facts;
    if (tokenizer === undefined) return undefined;
    const outcomes = outcomesOfTexts(tokenizer, vocabSize);
    const places = spread(prompts, AUDITED_TOKENS);
    const rows = prompts.map((): AuditRow[] => []);
    let hasTexts = false;
    for (const [turn, { prompt, length }] of places.entries()) {
      const ids = prompts[prompt]?.ids.slice(0, length) ?? [];
      const isGreedy = this.#round === 0 && turn % 3 === 1;
      const beginning = exactText(tokenizer, ids);
      const reply = await this.#ask({ ids, text: beginning }, isGreedy, turn, { max_tokens: 1 });
      // A server that takes texts alone is not asked behind ids that no text is read as.
      if (reply === undefined && beginning === undefined) continue;
      if (reply === undefined) return undefined;
      const fields = new AnswerFields(this.#facts.client.url, reply);
      const text = fields.objects("choices")?.[0]?.text("text");
      if (text === undefined) throw fields.needed("choices[0].text");
      hasTexts ||= text !== "";
      const outcome = outcomes.ofText(text);
      rows[prompt]?.push({ position: length - 1, outcome, id: undefined, isGreedy });
    }
    // A server that never writes a text hides what it drew: that is nothing to judge it by.
    if (!hasTexts) return undefined;
    const sequences = prompts.flatMap(({ name, ids }, index): readonly AuditSequence[] => {
      const own = rows[index] ?? [];
      return own.length === 0 ? [] : [{ name, ids, promptTokens: ids.length, rows: own }];
    });
    return { sequences, outcomes, by: "texts" };
  }

  async #ask(
    { ids, text }: { readonly ids: readonly number[]; readonly text: string | undefined },
    isGreedy: boolean,
    seed: number,
    settings: Body,
  ): Promise<Body | undefined> {
    const prompts = this.#prompt === undefined ? (["ids", "text"] as const) : [this.#prompt];
    const extras = this.#extra === undefined ? PLAIN_DRAWING : [this.#extra];
    for (const kind of prompts) {
      const prompt = kind === "ids" ? ids : text;
      for (const extra of prompt === undefined ? [] : extras) {
        const reply: Reply = await this.#facts.client.post("completions", {
          model: this.#facts.model,
          prompt,
          temperature: isGreedy ? 0 : 1,
          top_p: 1,
          seed: mixed(seed + SEEDS * this.#round),
          ...extra,
          ...settings,
        });
        if (reply.ok) {
          [this.#prompt, this.#extra] = [kind, extra];
          return reply.body;
        }
        if (!REFUSES_FORM.has(reply.status)) return undefined;
      }
    }
    return undefined;
  }
}

/** The text that is read as just these ids; undefined where none is. */
function exactText(tokenizer: Tokenizer, ids: readonly number[]): string | undefined {
  const text = tokenizer.decode(ids, { skipSpecialTokens: true });
  return tokenizer.encode(text).join() === ids.join() ? text : undefined;
}

/** More seeds than a round has. */
const SEEDS = 100_000;

/** Seeds that have nothing to do with each other (the finaliser of MurmurHash3). */
function mixed(seed: number): number {
  let value = Math.imul(seed ^ (seed >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 1;
}

/** Beginnings of the prompts, evenly over all their lengths, and over again where there are few. */
function spread(
  prompts: readonly EndpointPrompt[],
  count: number,
): readonly { readonly prompt: number; readonly length: number }[] {
  const all = prompts.flatMap(({ ids }, prompt) =>
    // Of the first token alone a server that leaves it out has nothing.
    Array.from({ length: ids.length - 1 }, (_unused, index) => ({ prompt, length: index + 2 })),
  );
  return Array.from({ length: count }, (_unused, index) => {
    const place = Math.floor((index * all.length) / count);
    return all[place] ?? { prompt: 0, length: 1 };
  });
}
