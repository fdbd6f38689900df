import type { CodeTable } from "../code-table.ts";

/** Codes of tokenizers and of generation (x8xx). */
export const TOKENIZER_CODES = {
  WB2801: {
    title: "a generation setting has a value it cannot have",
    meaning:
      "A sampling parameter, a length or a stop condition is outside the range that transformers defines for it.",
    remedy:
      "Read the message for the accepted range; `weighbridge generate --help` lists the settings.",
    details: {
      "expected?": "string",
      "found?": "number",
      "prompt?": "number",
      "setting?": "string",
      "position?": "number",
      "tokens?": "number",
      "needed?": "number",
      "limit?": "number",
    },
  },
  WB2802: {
    title: "a conversation that the chat template has no place for",
    meaning: "The roles are out of order, or the template knows no system message.",
    remedy: "Use [system], user, assistant, user, …; or choose another template with --template.",
    details: { "path?": "string", "template?": "string" },
  },
  WB2803: {
    title: "no chat template is known for the model",
    meaning:
      "Neither its tokenizer's files have a chat_template, nor does its config.json tell which of the built-in templates it was trained with; or the template that was asked for is none of those.",
    remedy: "Choose one with --template; the message lists them. Base models have none.",
    details: { "path?": "string", "template?": "string" },
  },
  WB3801: {
    title: "the model has no tokenizer",
    meaning:
      "Text was given or asked for, but the model's folder has none of the files that a tokenizer is read from; the message says which were looked for, and what is there.",
    remedy:
      "Put the tokenizer's files that the model was published with into its folder, or work with --input-ids.",
    details: { path: "string" },
  },
  WB3802: {
    title: "the tokenizer file is damaged",
    meaning:
      "tokenizer.model is not a SentencePiece model, or tokenizer.json is not what tokenizers writes, or the file is truncated or corrupt.",
    remedy: "Download the file again and compare its size with the original's.",
    details: { path: "string" },
  },
  WB3803: {
    title: "a tokenizer configuration file is damaged",
    meaning:
      "tokenizer_config.json, special_tokens_map.json or added_tokens.json is not what transformers writes.",
    remedy: "Download the file again, or remove it: the tokenizer's own file alone is enough.",
    details: { path: "string" },
  },
  WB3804: {
    title: "a token id outside the vocabulary",
    meaning: "An id is negative, no whole number, or not below the vocabulary size.",
    remedy: "Check that the ids were made by this model's tokenizer.",
    details: { id: "number", vocabSize: "number" },
  },
  WB3805: {
    title: "the chat template is damaged",
    meaning: "The chat_template of tokenizer_config.json is not valid Jinja.",
    remedy: "Mend it, or choose a built-in template with --template.",
    details: { path: "string" },
  },
  WB4802: {
    title: "a chat template with something that is not supported",
    meaning:
      "The template uses a filter, method or tag of Jinja that weighbridge does not have, or prints what has no text of its own. It is refused, since leaving that out would give another prompt.",
    remedy: "Choose another template with --template; the message says what is missing.",
    details: { path: "string" },
  },
  WB5801: {
    title: "a chat template that does not end",
    meaning:
      "Rendering took more steps, text, nesting or time than any real template needs: a loop without end, or one made to exhaust the machine.",
    remedy: "Do not use this template; choose another with --template.",
    details: { path: "string" },
  },
  WB4801: {
    title: "a tokenizer of a kind that is not supported",
    meaning:
      "The SentencePiece model is neither BPE nor unigram, tokenizer.model is tiktoken's, or tokenizer.json has a step or a pattern that weighbridge does not follow exactly. It is refused, since other ids than the model was trained with would come of it.",
    remedy: "Use another of the model's tokenizer files, or work with --input-ids.",
    details: { path: "string" },
  },
} as const satisfies CodeTable;
