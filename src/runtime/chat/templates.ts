import type { ChatMessage, ChatTemplate } from "./message.ts";
import { turnsOf, type Turns } from "./turns.ts";

/** What tells one built-in template from another; `past` is repeated for each answered question. */
interface TemplateFacts {
  readonly name: string;
  readonly allowsSystem: boolean;
  readonly stopTokens?: readonly string[];
  readonly stopStrings?: readonly string[];
  readonly spellsBos?: boolean;
  render(turns: Turns): string;
}

/** All three generations end an answer with <eoa>. */
const INTERNLM_STOPS = { stopTokens: ["<eoa>"], stopStrings: ["<eoa>"], spellsBos: true } as const;

const VICUNA_SYSTEM =
  "A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, detailed, " +
  "and polite answers to the user's questions.";

const ALPACA_INTRODUCTION =
  "Below is an instruction that describes a task. Write a response that appropriately completes the request.";

const FACTS: readonly TemplateFacts[] = [
  {
    // modeling_internlm.py of 2023-07, `build_inputs`: every past turn has an <s>, the current one only when it is the first.
    name: "internlm-2023-07",
    allowsSystem: false,
    ...INTERNLM_STOPS,
    render: ({ past, question }) =>
      past
        .map((turn) => `<s><|User|>:${turn.question}<eoh>\n<|Bot|>:${turn.answer}<eoa>\n`)
        .join("") + `${past.length === 0 ? "<s>" : ""}<|User|>:${question}<eoh>\n<|Bot|>:`,
  },
  {
    // 2023-09: one <s> at the start.
    name: "internlm-2023-09",
    allowsSystem: false,
    ...INTERNLM_STOPS,
    render: ({ past, question }) =>
      `<s>${past.map((turn) => `<|User|>:${turn.question}<eoh>\n<|Bot|>:${turn.answer}<eoa>\n`).join("")}` +
      `<|User|>:${question}<eoh>\n<|Bot|>:`,
  },
  {
    // 2024-01: a system line, and no <eoh>.
    name: "internlm-2024-01",
    allowsSystem: true,
    ...INTERNLM_STOPS,
    render: ({ system, past, question }) =>
      `<s>${system === undefined ? "" : `<|System|>:${system}\n`}` +
      past.map((turn) => `<|User|>:${turn.question}\n<|Bot|>:${turn.answer}<eoa>\n`).join("") +
      `<|User|>:${question}\n<|Bot|>:`,
  },
  {
    // tatsu-lab/stanford_alpaca, train.py, PROMPT_DICT["prompt_no_input"]; it knows one turn, further ones follow in kind.
    name: "alpaca",
    allowsSystem: true,
    render: ({ system, past, question }) =>
      `${system ?? ALPACA_INTRODUCTION}\n\n` +
      past
        .map((turn) => `### Instruction:\n${turn.question}\n\n### Response:${turn.answer}</s>`)
        .join("") +
      `### Instruction:\n${question}\n\n### Response:`,
  },
  {
    // lm-sys/FastChat, conversation.py, "vicuna_v1.1": SeparatorStyle.ADD_COLON_TWO, sep " ", sep2 "</s>".
    name: "vicuna-v1.1",
    allowsSystem: true,
    render: ({ system, past, question }) =>
      `${system ?? VICUNA_SYSTEM} ` +
      past.map((turn) => `USER: ${turn.question} ASSISTANT: ${turn.answer}</s>`).join("") +
      `USER: ${question} ASSISTANT:`,
  },
  {
    // THUDM/chatglm2-6b, tokenization_chatglm.py, `build_prompt`: rounds count from 1.
    name: "chatglm2",
    allowsSystem: false,
    render: ({ past, question }) =>
      past
        .map(
          (turn, index) => `[Round ${index + 1}]\n\n问：${turn.question}\n\n答：${turn.answer}\n\n`,
        )
        .join("") + `[Round ${past.length + 1}]\n\n问：${question}\n\n答：`,
  },
];

/** The built-in templates, each as its model's own code writes conversations. */
export const CHAT_TEMPLATES: ReadonlyMap<string, ChatTemplate> = new Map(
  FACTS.map((facts) => [
    facts.name,
    {
      name: facts.name,
      render: (messages: readonly ChatMessage[]) =>
        facts.render(turnsOf(messages, facts.name, facts.allowsSystem)),
      stopTokens: facts.stopTokens ?? [],
      stopStrings: facts.stopStrings ?? [],
      spellsBos: facts.spellsBos ?? false,
    },
  ]),
);
