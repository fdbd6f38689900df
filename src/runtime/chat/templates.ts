import type { ChatMessage, ChatSampling, ChatTemplate } from "./message.ts";
import { turnsOf, type Turns } from "./turns.ts";

/** What tells one built-in template from another; `past` is repeated for each answered question. */
interface TemplateFacts {
  readonly name: string;
  readonly allowsSystem: boolean;
  readonly stopTokens?: readonly string[];
  readonly stopStrings?: readonly string[];
  readonly system?: string;
  readonly sampling?: ChatSampling;
  readonly trimsAnswers?: boolean;
  render(turns: Turns): string;
}

/**
 * All three generations end an answer with <eoa>, and stop before speaking for the user (FastChat v0.2.36, conversation.py,
 * "internlm-chat"); `chat` of modeling_internlm.py draws with these settings.
 */
const INTERNLM = {
  stopTokens: ["<eoa>"],
  stopStrings: ["<eoa>", "<|User|>"],
  sampling: { temperature: 0.8, topP: 0.8 },
} as const;

/** `meta_instruction` of `chat` in modeling_internlm.py of 2024-01. */
const INTERNLM_SYSTEM =
  "You are an AI assistant whose name is InternLM (书生·浦语).\n" +
  "- InternLM (书生·浦语) is a conversational language model that is developed by Shanghai AI Laboratory (上海人工智能实验室). " +
  "It is designed to be helpful, honest, and harmless.\n" +
  "- InternLM (书生·浦语) can understand and communicate fluently in the language chosen by the user such as English and 中文.";

const VICUNA_SYSTEM =
  "A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, detailed, " +
  "and polite answers to the user's questions.";

const ALPACA_INTRODUCTION =
  "Below is an instruction that describes a task. Write a response that appropriately completes the request.";

const ALPACA_INTRODUCTION_WITH_INPUT =
  "Below is an instruction that describes a task, paired with an input that provides further context. " +
  "Write a response that appropriately completes the request.";

/** What a question has in its midst that comes with an input: instruction, this, input. */
const ALPACA_INPUT = "\n\n### Input:\n";

const FACTS: readonly TemplateFacts[] = [
  {
    // modeling_internlm.py of 2023-07, `build_inputs`: every past turn has an <s>, the current one only when it is the first.
    name: "internlm-2023-07",
    allowsSystem: false,
    ...INTERNLM,
    render: ({ past, question }) =>
      past
        .map((turn) => `<s><|User|>:${turn.question}<eoh>\n<|Bot|>:${turn.answer}<eoa>\n`)
        .join("") + `${past.length === 0 ? "<s>" : ""}<|User|>:${question}<eoh>\n<|Bot|>:`,
  },
  {
    // 2023-09: one <s> at the start.
    name: "internlm-2023-09",
    allowsSystem: false,
    ...INTERNLM,
    render: ({ past, question }) =>
      `<s>${past.map((turn) => `<|User|>:${turn.question}<eoh>\n<|Bot|>:${turn.answer}<eoa>\n`).join("")}` +
      `<|User|>:${question}<eoh>\n<|Bot|>:`,
  },
  {
    // 2024-01: a system line, and no <eoh>.
    name: "internlm-2024-01",
    allowsSystem: true,
    system: INTERNLM_SYSTEM,
    ...INTERNLM,
    render: ({ system, past, question }) =>
      `<s>${system === undefined ? "" : `<|System|>:${system}\n`}` +
      past.map((turn) => `<|User|>:${turn.question}\n<|Bot|>:${turn.answer}<eoa>\n`).join("") +
      `<|User|>:${question}\n<|Bot|>:`,
  },
  {
    // tatsu-lab/stanford_alpaca, train.py, PROMPT_DICT, with an input and without; it knows one turn, further ones follow in kind.
    name: "alpaca",
    allowsSystem: true,
    render: ({ system, past, question }) =>
      `${system ?? alpacaIntroduction(past[0]?.question ?? question)}\n\n` +
      past
        .map((turn) => `### Instruction:\n${turn.question}\n\n### Response:${turn.answer}</s>`)
        .join("") +
      `### Instruction:\n${question}\n\n### Response:`,
  },
  {
    // lm-sys/FastChat v0.2.36, conversation.py, "alpaca": SeparatorStyle.ADD_COLON_TWO, sep "\n\n", sep2 "</s>".
    name: "alpaca-fastchat",
    allowsSystem: true,
    sampling: { temperature: 0.7 },
    trimsAnswers: true,
    render: ({ system, past, question }) =>
      `${system ?? ALPACA_INTRODUCTION}\n\n` +
      past
        .map((turn) => `### Instruction: ${turn.question}\n\n### Response: ${turn.answer}</s>`)
        .join("") +
      `### Instruction: ${question}\n\n### Response:`,
  },
  {
    // lm-sys/FastChat, conversation.py, "vicuna_v1.1": SeparatorStyle.ADD_COLON_TWO, sep " ", sep2 "</s>".
    name: "vicuna-v1.1",
    allowsSystem: true,
    // FastChat's own serve/cli.py.
    sampling: { temperature: 0.7 },
    trimsAnswers: true,
    render: ({ system, past, question }) =>
      `${system ?? VICUNA_SYSTEM} ` +
      past.map((turn) => `USER: ${turn.question} ASSISTANT: ${turn.answer}</s>`).join("") +
      `USER: ${question} ASSISTANT:`,
  },
  {
    // THUDM/chatglm2-6b, tokenization_chatglm.py, `build_prompt`: rounds count from 1.
    name: "chatglm2",
    allowsSystem: false,
    // modeling_chatglm.py, `chat`.
    sampling: { temperature: 0.8, topP: 0.8 },
    trimsAnswers: true,
    render: ({ past, question }) =>
      past
        .map(
          (turn, index) => `[Round ${index + 1}]\n\n问：${turn.question}\n\n答：${turn.answer}\n\n`,
        )
        .join("") + `[Round ${past.length + 1}]\n\n问：${question}\n\n答：`,
  },
];

function alpacaIntroduction(question: string): string {
  return question.includes(ALPACA_INPUT) ? ALPACA_INTRODUCTION_WITH_INPUT : ALPACA_INTRODUCTION;
}

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
      addsSpecialTokens: true,
      system: facts.system,
      sampling: facts.sampling ?? {},
      trimsAnswers: facts.trimsAnswers ?? false,
    },
  ]),
);
