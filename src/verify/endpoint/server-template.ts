import { WbError } from "../../errors/wb-error.ts";
import type { ChatMessage } from "../../runtime/chat/message.ts";
import { DEFAULT_TEMPLATE } from "../../runtime/tokenizer/chat-templates.ts";
import {
  openChatPrompts,
  type ChatPromptOptions,
  type ChatPrompts,
} from "../../session/chat-prompt.ts";
import type { Diagnosis } from "../diagnose/diagnosis.ts";
import { AnswerFields } from "./answer-fields.ts";
import type { EndpointClient } from "./client.ts";
import { differByFirst } from "./server-tokenizer.ts";

/** How far a server's way of writing conversations was held against the model's chat template. */
export interface TemplateCheck {
  /** The template's name. */
  readonly name: string;
  /** Conversations whose token ids were compared, whose texts, and of which only the number of tokens was. */
  readonly ids: number;
  readonly texts: number;
  readonly counts: number;
  /** One sentence for each conversation that is written otherwise. */
  readonly differences: readonly string[];
  /** True where one is written otherwise only by a token at its beginning, as far as is known. */
  readonly isFirstTokenOnly: boolean;
}

const QUESTION: ChatMessage = { role: "user", content: "What is the capital of France?" };

/** What is written: a question, and a turn behind another with something said of the answers. */
const CONVERSATIONS: readonly (readonly ChatMessage[])[] = [
  [QUESTION],
  [QUESTION, { role: "assistant", content: "Paris." }, { role: "user", content: "And of Italy?" }],
  [{ role: "system", content: "Answer in one word." }, QUESTION],
];

/** A conversation as the template writes it and as the server does. */
export interface Written {
  readonly turns: number;
  readonly ours: { readonly ids: readonly number[]; readonly text: string };
  readonly theirs: Told;
}

/** What a server told of it. */
interface Told {
  readonly ids?: readonly number[] | undefined;
  readonly text?: string | undefined;
  /** Tokens. */
  readonly count?: number | undefined;
}

/**
 * Asks how the server writes conversations: by vLLM's route for tokens, by llama.cpp's for the text, else by what an answer of one token says of its
 * prompt. Undefined where the model's files have no chat template that can be read.
 * @throws WbError of the client, WB3961.
 */
export async function checkTemplate(
  client: EndpointClient,
  model: string,
  path: string,
  tokenizer: ChatPromptOptions["tokenizer"],
): Promise<TemplateCheck | undefined> {
  const chat = await templateOf(path, tokenizer);
  if (chat === undefined) return undefined;
  const own = CONVERSATIONS.flatMap((messages) => {
    const ours = writingOf(chat, messages);
    return ours === undefined ? [] : [{ messages, ours }];
  });
  for (const ask of [askTokens, askText, askAnswer]) {
    const written: Written[] = [];
    for (const { messages, ours } of own) {
      const theirs = await ask(client, model, messages);
      if (theirs !== undefined) written.push({ turns: messages.length, ours, theirs });
    }
    if (tellsApart(written)) return compareWritten(chat, written);
  }
  return compareWritten(chat, []);
}

/** The template that the model's own files have: one that is only known of its family binds no server. */
async function templateOf(
  path: string,
  tokenizer: ChatPromptOptions["tokenizer"],
): Promise<ChatPrompts | undefined> {
  try {
    const chat = await openChatPrompts(path, { tokenizer });
    return chat.tokenizer.settings.chatTemplates.has(DEFAULT_TEMPLATE) ? chat : undefined;
  } catch (error) {
    if (error instanceof WbError) return undefined;
    throw error;
  }
}

/** Undefined for a conversation that the template has no place for. */
function writingOf(
  chat: ChatPrompts,
  messages: readonly ChatMessage[],
): Written["ours"] | undefined {
  try {
    return { ids: chat.encode(messages), text: chat.template.render(messages) };
  } catch (error) {
    if (error instanceof WbError) return undefined;
    throw error;
  }
}

/** vLLM's route, and ours. */
async function askTokens(
  client: EndpointClient,
  model: string,
  messages: readonly ChatMessage[],
): Promise<Told | undefined> {
  const reply = await client.post("/tokenize", { model, messages, add_generation_prompt: true });
  if (!reply.ok) return undefined;
  const ids = new AnswerFields(client.url, reply.body).ids("tokens");
  return ids === undefined ? undefined : { ids, count: ids.length };
}

/** llama.cpp's route. */
async function askText(
  client: EndpointClient,
  model: string,
  messages: readonly ChatMessage[],
): Promise<Told | undefined> {
  const reply = await client.post("/apply-template", { model, messages });
  if (!reply.ok) return undefined;
  const text = new AnswerFields(client.url, reply.body).text("prompt");
  return text === undefined ? undefined : { text };
}

async function askAnswer(
  client: EndpointClient,
  model: string,
  messages: readonly ChatMessage[],
): Promise<Told | undefined> {
  for (const more of [{ return_token_ids: true }, {}]) {
    const body = { model, messages, max_tokens: 1, temperature: 0, ...more };
    const reply = await client.post("chat/completions", body);
    if (!reply.ok) continue;
    const fields = new AnswerFields(client.url, reply.body);
    const ids = fields.ids("prompt_token_ids");
    const count = ids?.length ?? fields.object("usage")?.whole("prompt_tokens");
    if (count !== undefined) return { ids, count };
  }
  return undefined;
}

/** A server that does not know of messages answers all alike. */
function tellsApart(written: readonly Written[]): boolean {
  const told = written.map(({ theirs }) => theirs.text ?? theirs.ids?.join() ?? theirs.count);
  return new Set(told).size > 1;
}

/** Holds what a server writes against the template. Pure. */
export function compareWritten(
  { template, tokenizer }: Pick<ChatPrompts, "template" | "tokenizer">,
  written: readonly Written[],
): TemplateCheck {
  const first = tokenizer.settings.specialTokens["bos_token"] ?? "";
  // llama.cpp leaves the beginning to its tokenizer.
  const bare = (text: string): string => (text.startsWith(first) ? text.slice(first.length) : text);
  const wrong = written.flatMap((one) => describe(one, bare) ?? []);
  const by = (kind: "ids" | "texts" | "counts"): number =>
    written.filter(({ theirs }) => kindOf(theirs) === kind).length;
  return {
    name: template.name,
    ids: by("ids"),
    texts: by("texts"),
    counts: by("counts"),
    differences: wrong.map(({ evidence }) => evidence),
    isFirstTokenOnly: wrong.length > 0 && wrong.every(({ isFirst }) => isFirst),
  };
}

function kindOf({ ids, text }: Told): "ids" | "texts" | "counts" {
  if (ids !== undefined) return "ids";
  return text === undefined ? "counts" : "texts";
}

/** Ids and characters of a sentence. */
const SHOWN_IDS = 6;
const SHOWN_TEXT = 40;

/** Undefined where both write the same. */
function describe(
  { turns, ours, theirs }: Written,
  bare: (text: string) => string,
): { readonly evidence: string; readonly isFirst: boolean } | undefined {
  const what = turns === 1 ? "a conversation of 1 turn" : `a conversation of ${turns} turns`;
  const { ids, text, count } = theirs;
  if (ids !== undefined) {
    if (ids.join() === ours.ids.join()) return undefined;
    const isFirst = differByFirst(ids, ours.ids);
    const at = ours.ids.findIndex((id, index) => id !== ids[index]);
    const place = at < 0 ? ours.ids.length : at;
    const shown = (list: readonly number[]): string =>
      list.slice(place, place + SHOWN_IDS).join(", ") || "nothing";
    return {
      isFirst,
      evidence: `${what} is ${ours.ids.length} tokens by this model's chat template, ${ids.length} on the server; from token ${place} on ${shown(ours.ids)} here, ${shown(ids)} there`,
    };
  }
  if (text !== undefined) {
    const [here, there] = [bare(ours.text), bare(text)];
    if (here === there) return undefined;
    let at = 0;
    while (at < here.length && here[at] === there[at]) at++;
    const shown = (whole: string): string => JSON.stringify(whole.slice(at, at + SHOWN_TEXT));
    return {
      isFirst: false,
      evidence: `${what} is written otherwise than by this model's chat template: from character ${at} on ${shown(here)} here, ${shown(there)} on the server`,
    };
  }
  if (count === undefined || count === ours.ids.length) return undefined;
  return {
    isFirst: Math.abs(count - ours.ids.length) === 1,
    evidence: `${what} is ${ours.ids.length} tokens by this model's chat template, ${count} on the server`,
  };
}

/** Another template; a token at the beginning alone is the tokenizer's to put or to leave out. */
export function templateDiagnoses(check: TemplateCheck | undefined): readonly Diagnosis[] {
  const [first] = check?.differences ?? [];
  if (check === undefined || first === undefined) return [];
  const rest = check.differences.length - 1;
  const evidence =
    rest === 0
      ? `${first}: another chat template`
      : `${first}: another chat template; ${rest} more of the conversations ${rest === 1 ? "is" : "are"} written otherwise`;
  return check.isFirstTokenOnly
    ? [
        {
          cause: "tokenizer",
          tensors: [],
          evidence: `${first}, in every conversation that was asked for: a beginning-of-sequence token`,
        },
      ]
    : [{ cause: "template", tensors: [], evidence }];
}
