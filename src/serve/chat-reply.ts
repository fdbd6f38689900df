import type { ChatRequest } from "./chat-request.ts";
import type { ScoredToken } from "./choices.ts";
import { replyHead, seedOf, type ReplyPlan, type ReplyShape } from "./reply.ts";
import type { ServedModel } from "./served-model.ts";
import { tokenText } from "./token-logprobs.ts";

/** Plans the answer to POST /v1/chat/completions. */
export function chatPlan(request: ChatRequest, model: ServedModel): ReplyPlan {
  const { prompt, sampling, stream, streamsUsage } = request;
  const choices = Array.from({ length: request.choices }, (_, choice) => ({
    prompt,
    continuesPrompt: false,
    echo: false,
    maxNewTokens: request.maxNewTokens,
    stopIds: request.stopIds,
    stop: request.stop,
    sampling: { ...sampling, seed: seedOf(sampling.seed, choice) },
    adjustments: request.adjustments,
    rules: request.rules,
    topLogprobs: request.topLogprobs,
  }));
  return { choices, prompts: [prompt], stream, streamsUsage, shape: shapeOf(request, model) };
}

function shapeOf(request: ChatRequest, model: ServedModel): ReplyShape {
  const head = replyHead("chatcmpl", model.id);
  const nothingYet = request.streamsUsage ? { usage: null } : {};
  const logprobs = (tokens: readonly ScoredToken[]): unknown =>
    request.topLogprobs === undefined
      ? null
      : {
          content: tokens.map((token) => tokenOf(token, model, request.tokensAsIds)),
          refusal: null,
        };
  const greeted = new Set<number>();
  const chunk = (index: number, delta: object, rest: object): unknown => ({
    ...head,
    object: "chat.completion.chunk",
    choices: [{ index, delta, logprobs: null, finish_reason: null, ...rest }],
    ...nothingYet,
  });
  return {
    whole: (choices, usage) => ({
      ...head,
      object: "chat.completion",
      choices: choices.map(({ text, tokens, ids, finish }, index) => ({
        index,
        message: { role: "assistant", content: text, refusal: null },
        logprobs: logprobs(tokens),
        finish_reason: finish,
        ...(request.tellsIds ? { token_ids: ids } : {}),
      })),
      usage,
      ...(request.tellsIds ? { prompt_token_ids: request.prompt } : {}),
    }),
    chunks: ({ index, text, tokens, ids, finish }) => {
      const chunks: unknown[] = [];
      if (!greeted.has(index)) chunks.push(chunk(index, { role: "assistant", content: "" }, {}));
      greeted.add(index);
      const told = request.tellsIds ? { token_ids: ids } : {};
      if (text !== "" || tokens.length > 0 || request.tellsIds)
        chunks.push(chunk(index, { content: text }, { logprobs: logprobs(tokens), ...told }));
      if (finish !== undefined) chunks.push(chunk(index, {}, { finish_reason: finish }));
      return chunks;
    },
    usageChunk: (usage) => ({ ...head, object: "chat.completion.chunk", choices: [], usage }),
  };
}

/** Logprobs in the style of chats: one object a token. */
function tokenOf(
  { id, logprob, top }: ScoredToken,
  { tokenizer }: ServedModel,
  asIds: boolean,
): unknown {
  const written = (token: number, value: number | null): object => ({
    ...(tokenizer === undefined ? {} : tokenText(tokenizer, token)),
    ...(asIds ? { token: `token_id:${token}` } : {}),
    logprob: value,
  });
  return {
    ...written(id, logprob),
    top_logprobs: (top ?? []).map((token) => written(token.id, token.logprob)),
  };
}
