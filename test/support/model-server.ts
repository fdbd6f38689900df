import { openDevice } from "../../src/runtime/backends/device.ts";
import type { ChatMessage } from "../../src/runtime/chat/message.ts";
import { findTokenizer, type Tokenizer } from "../../src/runtime/tokenizer/tokenizer.ts";
import type { Laboratory, Override } from "../../src/verify/compare/model-runner.ts";
import type { LogRow } from "../../src/verify/endpoint/log-row.ts";
import { distributionsOn } from "../../src/verify/endpoint/own-logits.ts";
import { openBench } from "../../src/verify/subject.ts";
import {
  fakeServer,
  type FakeReply,
  type FakeServer,
  type SentRequest,
} from "./endpoint-server.ts";

/** How a simulated server departs from the model that it is given. */
export interface ServerTraits {
  readonly override?: (laboratory: Laboratory) => Override;
  /** What it draws from and tells: logits divided by it. */
  readonly temperature?: number;
  /** What it makes of a prompt's ids. */
  readonly reads?: (ids: readonly number[]) => readonly number[];
  /** How it tells log-probabilities: vLLM's lists, OpenAI's with texts, llama.cpp's objects; "none" tells none. */
  readonly style?: "vllm" | "openai" | "llama.cpp" | "none";
  readonly echoes?: boolean;
  /** Leaves the first token out of an echo, and tells nothing of the next, as llama.cpp's server in Python. */
  readonly hidesFirst?: boolean;
  readonly takesIds?: boolean;
  readonly tellsIds?: boolean;
  /** Tells no texts. */
  readonly hidesText?: boolean;
  /** Hides how many tokens the prompt has. */
  readonly hidesUsage?: boolean;
  readonly hasTokenize?: boolean;
  /** What it writes of a conversation, and which of the usual routes tells it; it has no chat when left out. */
  readonly writes?: (messages: readonly ChatMessage[]) => string;
  readonly tellsChat?: "tokens" | "text" | "count";
}

/** A server of a small model in a folder, as other programs would answer. */
export async function modelServer(path: string, traits: ServerTraits = {}): Promise<FakeServer> {
  const backend = await openDevice({ device: "wasm", compute: "f32", verbose: false });
  const parity = { compute: "f32", profile: "default", calibrate: false, shakenTokens: 0 } as const;
  const bench = await openBench(path, backend, { parity, diagnose: false });
  const tokenizer = await findTokenizer(bench.folder);
  if (tokenizer === undefined) throw new Error(`${path} has no tokenizer`);
  const model = new SimulatedModel(bench.laboratory, tokenizer, traits);
  const server = await fakeServer((request) => model.answer(request));
  return {
    ...server,
    stop: async () => {
      await server.stop();
      await bench.close();
      backend.ops.dispose();
    },
  };
}

function chatMessages(value: unknown): readonly ChatMessage[] {
  return Array.isArray(value) ? value.map((one: ChatMessage) => one) : [];
}

const REFUSED: FakeReply = { status: 400, text: "not known" };

class SimulatedModel {
  readonly #laboratory: Laboratory;
  readonly #tokenizer: Tokenizer;
  readonly #traits: ServerTraits;

  constructor(laboratory: Laboratory, tokenizer: Tokenizer, traits: ServerTraits) {
    this.#laboratory = laboratory;
    this.#tokenizer = tokenizer;
    this.#traits = traits;
  }

  async answer({ path, body }: SentRequest): Promise<FakeReply> {
    if (path === "/v1/models") return { json: { data: [{ id: "simulated" }] } };
    const { writes, tellsChat } = this.#traits;
    const { prompt } = body;
    if (path === "/tokenize" && this.#traits.hasTokenize === true && typeof prompt === "string")
      return { json: { tokens: this.#read(this.#tokenizer.encode(prompt)) } };
    if (writes !== undefined && body["messages"] !== undefined)
      return this.#conversation(path, writes(chatMessages(body["messages"])), tellsChat);
    if (path !== "/v1/completions") return { status: 404, text: "none" };
    const { echoes = true, takesIds = true, tellsIds = true } = this.#traits;
    const isText = typeof body["prompt"] === "string";
    const asksIds = body["return_token_ids"] === true;
    if ((!takesIds && !isText) || (!echoes && body["echo"] === true) || (!tellsIds && asksIds))
      return REFUSED;
    return this.#complete(body, asksIds);
  }

  #conversation(path: string, text: string, tells: ServerTraits["tellsChat"]): FakeReply {
    const tokens = this.#tokenizer.encode(text, { addSpecialTokens: false, commandPieces: true });
    if (path === "/tokenize" && tells === "tokens") return { json: { tokens } };
    if (path === "/apply-template" && tells === "text") return { json: { prompt: text } };
    if (path !== "/v1/chat/completions") return { status: 404, text: "none" };
    return { json: { choices: [], usage: { prompt_tokens: tokens.length, completion_tokens: 1 } } };
  }

  #read(ids: readonly number[]): readonly number[] {
    return this.#traits.reads?.(ids) ?? ids;
  }

  async #rows(ids: readonly number[], positions: readonly number[]): Promise<readonly LogRow[]> {
    const { override, temperature = 1 } = this.#traits;
    const options = override === undefined ? {} : { override: override(this.#laboratory) };
    const [rows = []] = await distributionsOn(this.#laboratory, [{ ids, positions }], options);
    return rows.map((row) => row.at(temperature));
  }

  async #complete(body: SentRequest["body"], asksIds: boolean): Promise<FakeReply> {
    const given: unknown = body["prompt"];
    const sent = Array.isArray(given) ? given.map(Number) : this.#tokenizer.encode(String(given));
    const ids = [...this.#read(sent)];
    const promptTokens = ids.length;
    let state = Number(body["seed"] ?? 0) + 1;
    for (let made = 0; made < Number(body["max_tokens"]); made++) {
      const [row] = await this.#rows(ids, [ids.length - 1]);
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      const isGreedy = body["temperature"] === 0;
      ids.push((isGreedy ? row?.top(1)[0] : row?.draw(state / 2 ** 32)) ?? 0);
    }
    const isEchoed = body["echo"] === true;
    const first = isEchoed ? Number(this.#traits.hidesFirst === true) : promptTokens;
    const positions = ids.flatMap((_id, index) => (index > 0 && index >= first ? [index - 1] : []));
    const rows = await this.#rows(ids, positions);
    const shown = isEchoed ? [undefined, ...rows.slice(first)] : rows;
    const top = Number(body["logprobs"] ?? 0);
    const { hidesUsage = false, hidesText = false } = this.#traits;
    return {
      json: {
        choices: [
          {
            text: hidesText
              ? ""
              : this.#tokenizer.decode(ids.slice(promptTokens), { skipSpecialTokens: true }),
            finish_reason: "length",
            logprobs: top > 0 ? this.#logprobs(ids.slice(first), shown, top) : null,
            ...(asksIds
              ? { token_ids: ids.slice(promptTokens), prompt_token_ids: ids.slice(0, promptTokens) }
              : {}),
          },
        ],
        usage: {
          ...(hidesUsage ? {} : { prompt_tokens: promptTokens }),
          completion_tokens: ids.length - promptTokens,
        },
      },
    };
  }

  #logprobs(ids: readonly number[], rows: readonly (LogRow | undefined)[], top: number): unknown {
    const { style = "vllm" } = this.#traits;
    if (style === "none") return null;
    const decoder = new TextDecoder();
    const text = (id: number): string =>
      style === "vllm" ? `token_id:${id}` : decoder.decode(this.#tokenizer.bytesOf(id));
    const best = (row: LogRow): readonly number[] => row.top(top);
    if (style === "llama.cpp")
      return {
        content: ids.map((id, index) => {
          const row = rows[index];
          const list = row === undefined ? [] : best(row);
          return {
            id,
            token: text(id),
            logprob: row?.logprob(id) ?? null,
            top_logprobs: list.map((one) => ({
              id: one,
              token: text(one),
              logprob: row?.logprob(one),
            })),
          };
        }),
      };
    return {
      tokens: ids.map(text),
      token_logprobs: ids.map((id, index) => rows[index]?.logprob(id) ?? null),
      top_logprobs: rows.map((row) =>
        row === undefined
          ? null
          : Object.fromEntries(best(row).map((id) => [text(id), row.logprob(id)])),
      ),
    };
  }
}
