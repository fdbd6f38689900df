/** A row of the model page's table. */
export interface PageRow {
  readonly title: string;
  /** The task, or the group whose mean it is. */
  readonly name: string;
  /** InternLM-7B's and InternLM-Chat-7B's figures on the page, per cent. */
  readonly base: number;
  readonly chat: number;
}

/**
 * InternLM's model page of July 2023 (README of internlm/internlm-7b and internlm-chat-7b), in its order: figures of OpenCompass on
 * all rows, computed in float16. The chat model was replaced on 2023-12-12, and its later card lists other figures.
 */
export const PAGE_ROWS: readonly PageRow[] = [
  { title: "C-Eval", name: "ceval", base: 53.4, chat: 53.2 },
  { title: "MMLU", name: "mmlu", base: 51, chat: 50.8 },
  { title: "AGIEval", name: "agieval", base: 37.6, chat: 42.5 },
  { title: "CommonSenseQA", name: "commonsenseqa", base: 59.5, chat: 75.2 },
  { title: "BUSTM", name: "bustm/dev", base: 50.6, chat: 74.3 },
  { title: "CLUEWSC", name: "cluewsc/dev", base: 59.1, chat: 78.6 },
  { title: "MATH", name: "math", base: 7.1, chat: 6.4 },
  { title: "GSM8K", name: "gsm8k", base: 31.2, chat: 34.5 },
  { title: "HumanEval", name: "humaneval", base: 10.4, chat: 14 },
  { title: "RACE(High)", name: "race/high", base: 57.4, chat: 76.3 },
];
