import { WbError } from "../../errors/wb-error.ts";

/** A file that is a tokenizer, or two that are one, and of what kind. */
export type TokenizerFile =
  | {
      readonly kind: "tokenizer.json" | "vocabulary-and-merges" | "vocabulary";
      readonly name: string;
    }
  | { readonly kind: "model"; readonly name: string };

/** SentencePiece's model or tiktoken's ranks, as Meta and Hugging Face, PaddleNLP and Baidu name it. */
const MODELS = ["tokenizer.model", "sentencepiece.bpe.model", "spiece.model"] as const;

/** What is looked for, in this order. */
const WANTED = `${MODELS.join(", ")}, tokenizer.json, vocab.json with merges.txt, vocab.txt`;

/** The file that is taken where nothing else is asked for. */
export function chooseTokenizerFile(names: readonly string[]): TokenizerFile | undefined {
  return allTokenizerFiles(names)[0];
}

/** Every tokenizer that a folder has, the one that is taken first. */
export function allTokenizerFiles(names: readonly string[]): readonly TokenizerFile[] {
  const models = MODELS.filter((name) => names.includes(name));
  const files: TokenizerFile[] = models.map((name) => ({ kind: "model", name }));
  if (names.includes("tokenizer.json"))
    files.push({ kind: "tokenizer.json", name: "tokenizer.json" });
  if (names.includes("vocab.json") && names.includes("merges.txt"))
    files.push({ kind: "vocabulary-and-merges", name: "vocab.json" });
  if (names.includes("vocab.txt")) files.push({ kind: "vocabulary", name: "vocab.txt" });
  return files;
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
