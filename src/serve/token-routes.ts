import type { Fields } from "./fields.ts";
import { Problem } from "./problem.ts";
import { solidUnits } from "./prompt-length.ts";
import type { ServerState } from "./server-state.ts";

type Answer = (fields: Fields) => Promise<unknown>;

/** `/tokenize` and `/detokenize`, as vLLM has them. */
export function tokenRoutes(state: ServerState): readonly (readonly [string, Answer])[] {
  return [
    ["/tokenize", (fields) => tokenize(fields, state)],
    ["/detokenize", (fields) => detokenize(fields, state)],
  ];
}

async function tokenize(fields: Fields, state: ServerState): Promise<unknown> {
  const { tokenizer, encoder, checkLength, turns, context } = state.modelFor(fields.text("model"));
  const prompt = fields.text("prompt");
  if (prompt === undefined) throw fields.wrong("prompt", "a text", undefined);
  fields.refuse("add_special_tokens", (value) => value === true, "special tokens are always added");
  const tellsTexts = fields.flag("return_token_strs");
  fields.refuseOthers();
  checkLength(solidUnits(prompt), "prompt");
  const leave = turns.admit();
  try {
    const tokens = await encoder.text(prompt);
    const texts = tellsTexts ? tokens.map((id) => tokenizer.piece(id)) : null;
    return { count: tokens.length, max_model_len: context, tokens, token_strs: texts };
  } finally {
    leave();
  }
}

async function detokenize(fields: Fields, state: ServerState): Promise<unknown> {
  const { tokenizer, context } = state.modelFor(fields.text("model"));
  const given = fields.any("tokens");
  fields.refuseOthers();
  const { size } = tokenizer;
  const ids: readonly unknown[] = Array.isArray(given) ? given : [undefined];
  const isId = (id: unknown): id is number =>
    typeof id === "number" && Number.isSafeInteger(id) && id >= 0 && id < size;
  if (!ids.every(isId)) throw fields.wrong("tokens", `ids from 0 to ${size - 1}`, given);
  if (ids.length > context)
    throw new Problem(400, `tokens: ${ids.length} are more than the context of ${context}`, {
      param: "tokens",
      code: "context_length_exceeded",
    });
  return { prompt: tokenizer.decode(ids) };
}
