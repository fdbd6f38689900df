import { isRecord } from "./is-record.ts";
import { madeBy } from "./own-environment.ts";
import { runPython } from "./python.ts";

/** Ids that llama.cpp went on with, and how far each was ahead of the second in logits. */
export interface Continued {
  readonly ids: readonly number[];
  readonly ahead: readonly number[];
}

export interface LlamaRuns {
  /** By file and prompt. */
  readonly files: readonly (readonly Continued[])[];
  /** Ids of texts, without those that are put before. */
  readonly texts: readonly (readonly number[])[];
}

/** A GGUF file, prompts as ids, and how many tokens follow each. */
export interface LlamaFile {
  readonly path: string;
  readonly prompts: readonly (readonly number[])[];
  readonly tokens: number;
}

/** What llama.cpp makes of files, and of texts with the tokenizer of one. */
export function llamaRuns(
  files: readonly LlamaFile[],
  texts: { readonly path: string; readonly all: readonly string[] },
): LlamaRuns {
  const found = runPython("llama_cpp_runs.py", { files, texts }, madeBy("llama-cpp.mjs"));
  if (!isRecord(found)) throw new Error("llama.cpp ran nothing");
  return {
    files: listOf(found["files"], (file) => listOf(file, continued)),
    texts: listOf(found["texts"], (ids) => listOf(ids, Number)),
  };
}

function continued(row: unknown): Continued {
  if (!isRecord(row)) throw new Error("llama.cpp made no ids");
  return { ids: listOf(row["ids"], Number), ahead: listOf(row["ahead"], Number) };
}

function listOf<T>(value: unknown, of: (item: unknown) => T): readonly T[] {
  if (!Array.isArray(value)) throw new Error("expected a list");
  return value.map((item: unknown) => of(item));
}
