import { WbError } from "../../errors/wb-error.ts";
import { AnswerFields } from "./answer-fields.ts";
import type { EndpointClient } from "./client.ts";

/** One way to ask a server for a completion. Servers differ in what they take; each way is tried until one is taken. */
export interface Way {
  /** Token ids, or the text where the server takes no ids. */
  readonly prompt: "ids" | "text";
  /** With the prompt's own log-probabilities. */
  readonly echo: boolean;
  /** vLLM's `return_token_ids` and `return_tokens_as_token_ids`. */
  readonly tellIds: boolean;
}

/** The ways, those that tell most first. */
const WAYS: readonly Way[] = (["ids", "text"] as const).flatMap((prompt) =>
  [true, false].flatMap((echo) => [true, false].map((tellIds) => ({ prompt, echo, tellIds }))),
);

/** Likeliest tokens asked for: OpenAI's own limit. */
export const TOP = 5;

/** Statuses by which a server refuses the form of a request. */
export const REFUSES_FORM: ReadonlySet<number> = new Set([400, 404, 405, 422, 500, 501]);

/** A prompt to complete. */
export interface Question {
  readonly ids: readonly number[];
  /** What the ids are of; undefined where they are of no text. */
  readonly text: string | undefined;
  readonly maxTokens: number;
  readonly temperature: number;
  readonly seed: number;
  /** False where log-probabilities are not wanted: a request without them is taken by more servers. */
  readonly logprobs: boolean;
}

export type Body = Readonly<Record<string, unknown>>;

/** An answer, and how it was asked for. */
interface Taken {
  readonly body: Body;
  readonly way: Way;
}

interface Refusal {
  readonly status: number;
  readonly words: string;
}

/** A server's answers to completions, in the way that it takes. */
export class Protocol {
  readonly #client: EndpointClient;
  readonly #model: string;
  #way: Way | undefined;
  /** Whether the server refused each request that asked for log-probabilities, and took one that did not. */
  #refusesLogprobs = false;

  constructor(client: EndpointClient, model: string) {
    this.#client = client;
    this.#model = model;
  }

  get model(): string {
    return this.#model;
  }

  get url(): string {
    return this.#client.url;
  }

  /** The way that was taken last. */
  get way(): Way | undefined {
    return this.#way;
  }

  /**
   * Asks in the way that was taken before, or in each in turn; without log-probabilities where the server refuses every request for them.
   * @param suffices Whether an answer has what is needed; where none does, the last one is given.
   * @throws WbError WB4961, and those of the client.
   */
  async complete(
    question: Question,
    suffices: (body: Body, way: Way) => boolean = () => true,
  ): Promise<Taken> {
    const plain = { ...question, logprobs: false };
    const isFirst = this.#way === undefined;
    const asked = await this.#ask(this.#refusesLogprobs ? plain : question, suffices);
    if (asked.taken !== undefined) return asked.taken;
    // Who told log-probabilities of another prompt refuses this one for a reason of its own.
    if (!isFirst || !question.logprobs) throw this.#refused(asked.refusal);
    const { taken } = await this.#ask(plain, suffices);
    if (taken === undefined) throw this.#refused(asked.refusal);
    this.#refusesLogprobs = true;
    return taken;
  }

  async #ask(
    question: Question,
    suffices: (body: Body, way: Way) => boolean,
  ): Promise<{ readonly taken: Taken | undefined; readonly refusal: Refusal }> {
    const ways = this.#way === undefined ? waysFor(question) : [this.#way];
    let taken: Taken | undefined;
    let refusal: Refusal = { status: 0, words: "" };
    for (const way of ways) {
      const reply = await this.#client.post("completions", this.#request(question, way));
      if (!reply.ok) {
        if (!REFUSES_FORM.has(reply.status)) throw this.#refused(reply);
        refusal = reply;
        continue;
      }
      taken = { body: reply.body, way };
      if (!suffices(reply.body, way)) continue;
      break;
    }
    if (taken !== undefined) this.#way = taken.way;
    return { taken, refusal };
  }

  #request(question: Question, way: Way): Body {
    const { ids, text, maxTokens, temperature, seed, logprobs } = question;
    return {
      model: this.#model,
      prompt: way.prompt === "ids" ? ids : text,
      max_tokens: maxTokens,
      temperature,
      top_p: 1,
      seed,
      ...(logprobs ? { logprobs: TOP } : {}),
      ...(way.echo && logprobs ? { echo: true } : {}),
      ...(way.tellIds ? { return_token_ids: true } : {}),
      ...(way.tellIds && logprobs ? { return_tokens_as_token_ids: true } : {}),
    };
  }

  #refused({ status, words }: Refusal): WbError {
    const { url } = this.#client;
    return new WbError("WB4961", `${url}: the server answers ${status} to completions: ${words}`, {
      details: { url, status },
    });
  }
}

function waysFor({ text, logprobs }: Question): readonly Way[] {
  return WAYS.filter(
    ({ prompt, echo }) => (text !== undefined || prompt === "ids") && (logprobs || !echo),
  );
}

/**
 * The name of the model that is asked: as given, or the server's only one.
 * @throws WbError WB2963, WB3961, and those of the client.
 */
export async function modelName(
  client: EndpointClient,
  wanted: string | undefined,
): Promise<string> {
  const reply = await client.get("models");
  if (!reply.ok) {
    if (wanted !== undefined) return wanted;
    throw new WbError(
      "WB4961",
      `${client.url}: the server answers ${reply.status} to the list of its models, and --model names none`,
      { details: { url: client.url, status: reply.status } },
    );
  }
  const fields = new AnswerFields(client.url, reply.body);
  const list = fields.objects("data");
  if (list === undefined) throw fields.needed("data");
  const models = list.flatMap((entry) => entry.text("id") ?? []);
  const [only] = models;
  if (wanted !== undefined && (models.length === 0 || models.includes(wanted))) return wanted;
  if (wanted === undefined && only !== undefined && models.length === 1) return only;
  const shown = models.length === 0 ? "none" : models.slice(0, 20).join(", ");
  throw new WbError(
    "WB2963",
    `${client.url}: ${wanted === undefined ? "expected --model" : `no model ${JSON.stringify(wanted)}`}; it has ${shown}`,
    { details: { url: client.url, models } },
  );
}
