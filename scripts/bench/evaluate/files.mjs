// What is evaluated: SmolLM2-135M-Instruct, and questions made up here in MMLU's files and at about the length of its own.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { make } from "../models.mjs";

/** Subjects by the length of their questions in words: MMLU's have between a dozen and some two hundred. */
const SUBJECTS = { anatomy: 18, high_school_physics: 45 };
const SHOTS = 5;
const WORDS =
  "the of a cell force which nerve energy mass in following is most likely to between pressure current field muscle bone with constant velocity supply and charge heat".split(
    " ",
  );

/** Numbers below `most` that look drawn and are the same in every run. */
function draws(seed) {
  let state = seed;
  return (most) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor((state / 2 ** 31) * most);
  };
}

function row(draw, length) {
  const words = (count) => Array.from({ length: count }, () => WORDS[draw(WORDS.length)]).join(" ");
  const options = Array.from({ length: 4 }, () => words(2 + draw(5)));
  const cells = [`Which ${words(length + draw(length))}?`, ...options, "ABCD"[draw(4)]];
  return `${cells.map((cell) => `"${cell}"`).join(",")}\n`;
}

/** The folder of rows, `count` of each subject, and the subjects. */
export function mmluRows(context, count) {
  const data = join(context.models, `mmlu-${count}`);
  for (const [at, [name, length]] of Object.entries(SUBJECTS).entries()) {
    const draw = draws(at + 1);
    for (const [split, rows] of [
      ["dev", SHOTS],
      ["test", count],
    ]) {
      const path = join(data, "mmlu", split, `${name}_${split}.csv`);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, Array.from({ length: rows }, () => row(draw, length)).join(""));
    }
  }
  return { data, subjects: Object.keys(SUBJECTS) };
}

/** The model's folder as transformers loads it. */
export function realModel(context) {
  const folder = join(context.models, "smollm2-135m");
  if (existsSync(join(folder, "model.safetensors"))) return folder;
  const script = join(context.root, "scripts/real-model.mjs");
  const { status, stdout } = spawnSync(process.execPath, [script], { encoding: "utf8" });
  if (status !== 0) throw new Error(`real-model.mjs ended with ${status}`);
  make([process.execPath, context.program, "convert", stdout.trim(), folder, "--quiet"]);
  return folder;
}
