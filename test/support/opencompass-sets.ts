import { copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** New tokens of an answer. */
export const NEW_TOKENS = 8;

/** OpenCompass's configurations, the data set that is taken of each, and our task on the same rows. */
const GSM8K = "gsm8k/gsm8k_gen_1d7fe4.py";
export const SETS = [
  { file: "mmlu/mmlu_ppl_ac766d.py", only: "*_anatomy", own: "mmlu/anatomy" },
  { file: "ceval/ceval_ppl_578f8d.py", only: "ceval-logic", own: "ceval/logic" },
  { file: "FewCLUE_bustm/FewCLUE_bustm_ppl_e53034.py", only: "bustm-dev", own: "bustm/dev" },
  {
    file: "FewCLUE_cluewsc/FewCLUE_cluewsc_ppl_4284a0.py",
    only: "cluewsc-dev",
    own: "cluewsc/dev",
  },
  { file: "race/race_ppl_a138cd.py", only: "race-high", own: "race/high", later: true },
  { file: "agieval/agieval_mixed_0fa998.py", only: "agieval-aqua-rat" },
  { file: "agieval/agieval_mixed_0fa998.py", only: "agieval-jec-qa-kd" },
  { file: "agieval/agieval_mixed_0fa998.py", only: "agieval-math" },
  { file: GSM8K, only: "gsm8k", later: true },
  { file: "mmlu/mmlu_gen_a484b3.py", only: "*_anatomy", own: "mmlu/anatomy", chat: true },
] as const;
/** What later configurations look for where those of 0.1.5's time took the first capital letter. */
const FIRST_OPTION = "type=first_option_postprocess, options='ABCD'";
/** Configurations with words put in for others; the rows of these data sets are not there. */
export const REFUSED = [
  { file: "gsm8k/gsm8k_agent_gen_c3dff3.py", from: "", to: "" },
  { file: "math/math_gen_0957ff.py", from: "", to: "" },
  { file: "mmlu/mmlu_gen_4d595a.py", from: 'type="first-capital"', to: FIRST_OPTION },
  {
    file: "mmlu/mmlu_gen_5d1409.py",
    from: "type=GenInferencer",
    to: 'type=GenInferencer, stopping_criteria=["Q"]',
  },
] as const;
/** In the order of SETS. */
export const ABBREVIATIONS = [
  "base/lukaemon_mmlu_anatomy",
  "base/ceval-logic",
  "base/bustm-dev",
  "base/cluewsc-dev",
  "base/race-high",
  "base/agieval-aqua-rat",
  "base/agieval-jec-qa-kd",
  "base/agieval-math",
  "base/gsm8k",
  "chat/lukaemon_mmlu_anatomy",
] as const;

const lines = (...rows: readonly object[]): string =>
  rows.map((row) => `${JSON.stringify(row)}\n`).join("");

/** Rows of the data sets that the fixtures have none of. */
export function writeRows(data: string): void {
  for (const name of [
    "FewCLUE/bustm",
    "FewCLUE/cluewsc",
    "AGIEval/data/v1",
    "race/validation",
    "gsm8k",
  ])
    mkdirSync(join(data, name), { recursive: true });
  const pairs = [
    { sentence1: "今天下雨吗", sentence2: "今天有雨没有", label: "1" },
    { sentence1: "{sentence2} 几点", sentence2: "在哪里", label: "0" },
  ];
  writeFileSync(join(data, "FewCLUE/bustm/dev_few_all.json"), lines(...pairs));
  const target = { span1_text: "小猫", span1_index: 0, span2_text: "它", span2_index: 5 };
  const pronouns = [
    { target, text: "小猫睡了，它累了。", label: "true" },
    { target: { ...target, span2_index: 6 }, text: "小猫看小狗，它在叫。", label: "false" },
  ];
  writeFileSync(join(data, "FewCLUE/cluewsc/dev_few_all.json"), lines(...pronouns));
  const sums = ["A", "B", "C", "D", "E"].map((letter, at) => `(${letter})${at + 2}`);
  const sum = { question: "Two and {y} are?", answer: "2+3=<<2+3=5>>5\n#### 1,005" };
  for (const split of ["train", "test"])
    writeFileSync(join(data, `gsm8k/${split}.jsonl`), lines(sum));
  const plain = { passage: null, question: "What is 1+{x}?", options: sums, label: "C" };
  const long = { ...plain, passage: "Read: ", label: "A", answer: null };
  const agieval = {
    "aqua-rat": [plain, long],
    "jec-qa-kd": [{ ...plain, label: ["A", "C"] }, long],
    math: [{ ...plain, options: null, label: null, answer: "\\frac12" }],
  };
  for (const [name, rows] of Object.entries(agieval))
    writeFileSync(join(data, `AGIEval/data/v1/${name}.jsonl`), lines(...rows));
  copyFileSync(join(data, "race/test/high.jsonl"), join(data, "race/validation/high.jsonl"));
  // OpenCompass opens the rows without answers, too.
  mkdirSync(join(data, "ceval/formal_ceval/test"));
  const unanswered = "id,question,A,B,C,D\n0,1+1=?,1,2,3,4\n";
  writeFileSync(join(data, "ceval/formal_ceval/test/logic_test.csv"), unanswered);
}

/** Where both versions find the rows under the paths that their configurations give. */
export function dataRoot(folder: string, data: string, metrics: string): string {
  const root = join(folder, "root");
  mkdirSync(join(root, "opencompass"), { recursive: true });
  symlinkSync(data, join(root, "data"));
  symlinkSync(metrics, join(root, "accuracy"));
  const places = {
    mmlu: "mmlu",
    "ceval-exam": "ceval/formal_ceval",
    agieval: "AGIEval/data/v1",
    gsm8k: "gsm8k",
  };
  for (const [name, place] of Object.entries(places))
    symlinkSync(join(data, place), join(root, "opencompass", name));
  return root;
}

/**
 * A configuration of the later version as 0.1.5 reads it: the examples' rows are the inferencer's, and evaluators that tell more had other
 * names. In both, answers are short and MMLU's is the first capital letter.
 */
export function configuration(
  folder: string,
  later: string,
  file: string,
  isLater: boolean,
): string {
  const text = readFileSync(join(later, "opencompass/configs/datasets", file), "utf8");
  const short = text
    .replaceAll(/max_out_len=(?:512|1024)\b/g, `max_out_len=${NEW_TOKENS}`)
    .replaceAll(FIRST_OPTION, 'type="first-capital"');
  const [, ids] = /fix_id_list=(\[[\d, ]+\])/.exec(text) ?? [];
  const old = short
    .replaceAll("AccwithDetailsEvaluator", "AccEvaluator")
    .replaceAll(", AGIEvalEvaluator_mcq", "")
    .replaceAll("type=AGIEvalEvaluator_mcq", "type=AccEvaluator")
    .replaceAll(/, fix_id_list=\[[\d, ]+\]/g, "")
    .replaceAll(/type=(PPL|Gen)Inferencer/g, ids === undefined ? "$&" : `$&, fix_id_list=${ids}`);
  const path = join(folder, isLater ? "later" : "old", file);
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, isLater ? short : old);
  return path;
}
