import { copyFileSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import type { Question, Questions } from "../../src/evaluate/data/questions.ts";
import type { Way } from "../../src/evaluate/tasks/task.ts";
import { FIXTURES } from "./fixture-manifest.ts";
import { isRecord } from "./is-record.ts";

/** What fixtures/make/opencompass_results.py wrote. */
export interface OpenCompassResults {
  readonly context: number;
  readonly sets: readonly OpenCompassSet[];
  /** A text, and what each postprocessor makes of it; an object where it fails. */
  readonly answers: readonly Readonly<Record<string, string | null | { readonly fails: string }>>[];
  readonly equal: readonly {
    readonly pair: readonly [string | null, string | null];
    readonly "math-equal": boolean;
    readonly "agieval-math-equal": boolean;
  }[];
}

interface OpenCompassSet {
  readonly name: string;
  readonly kind: "ppl" | "gen";
  readonly items: readonly {
    readonly scores?: Readonly<Record<string, number>>;
    readonly prediction?: string;
    readonly raw?: string;
  }[];
}

export const EVALUATION = join(FIXTURES, "evaluation");
export const DATA = join(EVALUATION, "data");

export function openCompassResults(): OpenCompassResults {
  const value: unknown = JSON.parse(readFileSync(join(EVALUATION, "opencompass.json"), "utf8"));
  if (isResults(value)) return value;
  throw new Error("opencompass.json is not what its generator writes");
}

function isResults(value: unknown): value is OpenCompassResults {
  return ["context", "sets", "answers", "equal"].every((name) => isRecord(value) && name in value);
}

/** The objects of a file with one a line. */
export function readLines(path: string): readonly Readonly<Record<string, unknown>>[] {
  const lines = readFileSync(path, "utf8").trim().split("\n");
  return lines.map((line) => {
    const value: unknown = JSON.parse(line);
    return isRecord(value) ? value : {};
  });
}

/** Changes fields of a JSON file. */
export function changeJson(path: string, fields: Readonly<Record<string, unknown>>): void {
  const value: unknown = JSON.parse(readFileSync(path, "utf8"));
  writeFileSync(path, JSON.stringify({ ...(isRecord(value) ? value : {}), ...fields }));
}

/** A folder for files of a test, gone when its file is done. */
export function scratchFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "weighbridge-evaluate-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The small InternLM with a context as long as the generator gave it, with these weights. */
export function longModel(
  folder: string,
  weights: "pytorch_model.bin" | "model_state.pdparams",
  context: number,
): string {
  const tiny = join(FIXTURES, "internlm-tiny");
  const model = mkdtempSync(join(folder, "model-"));
  for (const name of [
    weights,
    "tokenizer.model",
    "tokenizer_config.json",
    "special_tokens_map.json",
  ])
    copyFileSync(join(tiny, name), join(model, name));
  copyFileSync(join(tiny, "config.json"), join(model, "config.json"));
  changeJson(join(model, "config.json"), { max_position_embeddings: context });
  return model;
}

/** Such a model whose last norm has other float16 weights, given and taken as their bits. */
export function modelWithNorm(
  folder: string,
  context: number,
  change: (bits: number) => number,
): string {
  const model = longModel(folder, "pytorch_model.bin", context);
  rmSync(join(model, "pytorch_model.bin"));
  const bytes = readFileSync(join(FIXTURES, "safetensors-single/model.safetensors"));
  const data = 8 + Number(bytes.readBigUInt64LE(0));
  const range = /"model\.norm\.weight":\{[^}]*"data_offsets":\[(\d+),(\d+)/.exec(
    bytes.toString("utf8", 8, data),
  );
  const [begin, end] = [Number(range?.[1]), Number(range?.[2])];
  for (let at = data + begin; at < data + end; at += 2)
    bytes.writeUInt16LE(change(bytes.readUInt16LE(at)), at);
  writeFileSync(join(model, "model.safetensors"), bytes);
  return model;
}

/** A copy of the fixture's data that a test may spoil. */
export function copiedData(folder: string): string {
  const data = mkdtempSync(join(folder, "data-"));
  cpSync(DATA, data, { recursive: true });
  return data;
}

/** Questions of a task that has nothing but a way of asking. */
export function questionsOf(name: string, way: Way, questions: readonly Question[]): Questions {
  const rows = { file: `${name}.jsonl`, format: "jsonl", columns: undefined } as const;
  const task = {
    name,
    group: undefined,
    rows,
    fields: new Map(),
    answer: "",
    id: undefined,
    base: way,
    chat: undefined,
  };
  return { task, way, questions, examples: [], skipped: [], notes: [] };
}
