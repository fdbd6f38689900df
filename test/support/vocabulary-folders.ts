import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bytesOfToken } from "../../src/runtime/tokenizer/pipeline/bytes-as-text.ts";
import { isRecord } from "./is-record.ts";

/** Files of a tokenizer, by name. */
type Files = Readonly<Record<string, string>>;

interface Vocabulary {
  readonly vocab: Readonly<Record<string, unknown>>;
  readonly merges: readonly unknown[];
}

/** The model of a tokenizer.json. */
export function modelOf(folder: string): Vocabulary {
  const json: unknown = JSON.parse(readFileSync(join(folder, "tokenizer.json"), "utf8"));
  const model = isRecord(json) && isRecord(json["model"]) ? json["model"] : {};
  const { vocab, merges } = model;
  if (!isRecord(vocab)) throw new Error(`${folder}: no vocabulary`);
  return { vocab, merges: Array.isArray(merges) ? merges : [] };
}

export function writeFiles(folder: string, files: Files): void {
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
}

/** The same as GPT-2's authors write it. */
export function asVocabularyAndMerges({ vocab, merges }: Vocabulary, added: Files): Files {
  const lines = merges.map((merge) => (Array.isArray(merge) ? merge.join(" ") : String(merge)));
  return {
    ...added,
    "vocab.json": JSON.stringify(vocab),
    "merges.txt": `#version: 0.2\n${lines.join("\n")}\n`,
  };
}

/** The same as BERT's authors write it. */
export function asVocabularyText({ vocab }: Vocabulary): string {
  const byId = Object.entries(vocab).sort(([, left], [, right]) => Number(left) - Number(right));
  return `${byId.map(([token]) => token).join("\n")}\n`;
}

/** The same as LLaMA 3's authors write it. */
export function asTiktoken({ vocab }: Vocabulary): string {
  const lines = Object.entries(vocab).map(
    ([token, id]) => `${Buffer.from(bytesOfToken(token)).toString("base64")} ${String(id)}`,
  );
  return `${lines.join("\n")}\n`;
}
