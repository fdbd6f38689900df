import { randomUUID } from "node:crypto";
import type { Usage } from "./choices.ts";
import type { Problem } from "./problem.ts";
import type { NamedEvent, ReplyPlan, ReplyShape } from "./reply.ts";
import type { ResponseRequest } from "./response-request.ts";
import type { ServedModel } from "./served-model.ts";

/** Plans the answer to POST /v1/responses. */
export function responsePlan(request: ResponseRequest, model: ServedModel): ReplyPlan {
  const choice = {
    prompt: request.prompt,
    continuesPrompt: false,
    echo: false,
    maxNewTokens: request.maxNewTokens,
    stopIds: request.stopIds,
    stop: request.stop,
    sampling: request.sampling,
    adjustments: request.adjustments,
    rules: request.rules,
    topLogprobs: undefined,
  };
  return {
    choices: [choice],
    prompts: [request.prompt],
    stream: request.stream,
    streamsUsage: false,
    shape: new ResponseShape(request, model.id),
  };
}

type Status = "in_progress" | "completed" | "incomplete";

/** One message of one text, whole or as OpenAI's streams of responses tell it: each event named and counted. */
class ResponseShape implements ReplyShape {
  readonly #request: ResponseRequest;
  readonly #model: string;
  readonly #id = `resp_${randomUUID().replaceAll("-", "")}`;
  readonly #item = `msg_${randomUUID().replaceAll("-", "")}`;
  readonly #created = Math.floor(Date.now() / 1000);
  #count = 0;
  #text = "";
  #status: Status = "in_progress";

  constructor(request: ResponseRequest, model: string) {
    this.#request = request;
    this.#model = model;
  }

  whole: ReplyShape["whole"] = ([choice], usage) => {
    this.#text = choice?.text ?? "";
    this.#status = choice?.finish === "length" ? "incomplete" : "completed";
    return this.#response([this.#message()], usage);
  };

  begin(): readonly NamedEvent[] {
    const started = (type: string): NamedEvent =>
      this.#event(type, { response: this.#response([], undefined) });
    return [
      started("response.created"),
      started("response.in_progress"),
      this.#event("response.output_item.added", {
        output_index: 0,
        item: { ...this.#message(), content: [] },
      }),
      this.#inItem("response.content_part.added", { part: this.#part() }),
    ];
  }

  chunks: ReplyShape["chunks"] = ({ text, finish }) => {
    this.#text += text;
    if (finish !== undefined) this.#status = finish === "length" ? "incomplete" : "completed";
    return text === ""
      ? []
      : [this.#inItem("response.output_text.delta", { delta: text, logprobs: [] })];
  };

  end(usage: Usage): readonly NamedEvent[] {
    const item = this.#message();
    return [
      this.#inItem("response.output_text.done", { text: this.#text, logprobs: [] }),
      this.#inItem("response.content_part.done", { part: this.#part() }),
      this.#event("response.output_item.done", { output_index: 0, item }),
      this.#event(`response.${this.#status}`, { response: this.#response([item], usage) }),
    ];
  }

  failure({ message, code, param }: Problem): NamedEvent {
    return this.#event("error", { code, message, param });
  }

  /** Its usage is in the last event. */
  usageChunk(): unknown {
    return {};
  }

  #event(type: string, fields: object): NamedEvent {
    const counted = { type, sequence_number: this.#count++ };
    return { ...counted, ...fields };
  }

  #inItem(type: string, fields: object): NamedEvent {
    return this.#event(type, {
      item_id: this.#item,
      output_index: 0,
      content_index: 0,
      ...fields,
    });
  }

  #part(): object {
    return { type: "output_text", text: this.#text, annotations: [], logprobs: [] };
  }

  #message(): object {
    return {
      id: this.#item,
      type: "message",
      role: "assistant",
      status: this.#status,
      content: [this.#part()],
    };
  }

  #response(output: readonly object[], usage: Usage | undefined): object {
    const { instructions, maxOutputTokens, metadata, sampling } = this.#request;
    const isCut = this.#status === "incomplete";
    return {
      id: this.#id,
      object: "response",
      created_at: this.#created,
      status: this.#status,
      error: null,
      incomplete_details: isCut ? { reason: "max_output_tokens" } : null,
      instructions,
      max_output_tokens: maxOutputTokens,
      model: this.#model,
      output,
      parallel_tool_calls: true,
      previous_response_id: null,
      reasoning: { effort: null, summary: null },
      store: false,
      temperature: sampling.doSample ? sampling.temperature : 0,
      text: { format: { type: "text" } },
      tool_choice: "auto",
      tools: [],
      top_p: sampling.topP,
      truncation: "disabled",
      usage: usage === undefined ? null : usageOf(usage),
      user: null,
      metadata,
    };
  }
}

function usageOf({ prompt_tokens, completion_tokens, total_tokens }: Usage): object {
  return {
    input_tokens: prompt_tokens,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens: completion_tokens,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens,
  };
}
