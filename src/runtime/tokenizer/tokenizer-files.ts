import { WbError } from "../../errors/wb-error.ts";

/** A file that is a tokenizer, and of what kind. */
export type TokenizerFile =
  | { readonly kind: "tokenizer.json"; readonly name: string }
  | { readonly kind: "sentencepiece"; readonly name: string };

/** SentencePiece's model, as Meta and Hugging Face name it. */
const SENTENCE_PIECE = ["tokenizer.model"] as const;

/** What is looked for, in this order. */
const WANTED = "tokenizer.model (SentencePiece), tokenizer.json";

/** The file that is taken where nothing else is asked for. */
export function chooseTokenizerFile(names: readonly string[]): TokenizerFile | undefined {
  const sentencePiece = SENTENCE_PIECE.find((name) => names.includes(name));
  if (sentencePiece !== undefined) return { kind: "sentencepiece", name: sentencePiece };
  if (names.includes("tokenizer.json")) return { kind: "tokenizer.json", name: "tokenizer.json" };
  return undefined;
}

/** Files of a folder that have to do with tokenizers. */
const RELATED = /token|vocab|merges|sentencepiece|spiece|\.model$|tekken/i;

/** Says what was looked for and what is there. */
export function noTokenizer(folder: string, names: readonly string[]): WbError {
  const related = names.filter((name) => RELATED.test(name)).sort();
  const found = related.length === 0 ? "none of these" : related.join(", ");
  return new WbError("WB3801", `${folder}: no tokenizer: looked for ${WANTED}; found ${found}`, {
    details: { path: folder },
  });
}
