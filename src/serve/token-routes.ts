import {
  chatOf,
  isEmptyList,
  readMessages,
  readVariables,
  refuseContinued,
  refuseForBuiltIn,
} from "./chat-request.ts";
import type { Fields } from "./fields.ts";
import { Problem } from "./problem.ts";
import { solidUnits } from "./prompt-length.ts";
import type { ServedModel } from "./served-model.ts";
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
  const model = state.modelFor(fields.text("model"));
  const { tokenizer, turns, context } = model;
  const tellsTexts = fields.flag("return_token_strs");
  const encode = fields.has("messages") ? ofMessages(fields, model) : ofPrompt(fields, model);
  fields.refuseOthers();
  const leave = turns.admit();
  try {
    const tokens = await encode();
    const texts = tellsTexts ? tokens.map((id) => tokenizer.piece(id)) : null;
    return { count: tokens.length, max_model_len: context, tokens, token_strs: texts };
  } finally {
    leave();
  }
}

type Encode = () => Promise<readonly number[]>;

function ofPrompt(fields: Fields, { encoder, checkLength }: ServedModel): Encode {
  const prompt = fields.text("prompt");
  if (prompt === undefined) throw fields.wrong("prompt", "a text, or messages", undefined);
  const isBare = fields.has("add_special_tokens") && !fields.flag("add_special_tokens");
  checkLength(solidUnits(prompt), "prompt");
  return () => encoder.text(prompt, isBare);
}

/** The tokens of a conversation as its template writes it, as a chat is answered to. */
function ofMessages(fields: Fields, model: ServedModel): Encode {
  const { template } = chatOf(model);
  fields.refuse("prompt", () => false, "either prompt or messages");
  const messages = readMessages(fields);
  const asked = readVariables(fields);
  const isOpen = !fields.has("add_generation_prompt") || fields.flag("add_generation_prompt");
  const variables = isOpen ? asked : { ...asked, add_generation_prompt: false };
  refuseContinued(fields);
  fields.refuse("tools", isEmptyList, "tools are not supported");
  fields.refuse("chat_template", () => false, "the server's own template is used: see --template");
  fields.refuse("mm_processor_kwargs", () => false, "only text is supported");
  refuseForBuiltIn(messages, variables, template.name);
  model.checkLength(
    messages.reduce((sum, { content }) => sum + solidUnits(content), 0),
    "messages",
  );
  return () => model.encoder.chat(messages, variables);
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
