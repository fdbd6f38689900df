import { shownName } from "../../tensor/shown-name.ts";
import type { DiffedTensor, DiffResult } from "../../verify/diff.ts";
import { renderShape } from "../../tensor/shape.ts";
import { weakenedBy } from "../../options/weakening.ts";
import { optionalChoice, optionalNumber, optionalString, requiredString } from "../arguments.ts";
import type { Command } from "../command.ts";
import { LAYOUTS } from "../../options/choices.ts";
import { selectionOf, withSelectionOptions } from "../selection-options.ts";
import { plural } from "../plural.ts";
import { diagnosisJson, renderDiagnosis } from "../render-diagnosis.ts";

/** Tensors that the text lists; --json has all. */
const LISTED = 12;

export const diff: Command = {
  usage: "diff <a> <b>",
  summary: "compare two checkpoints tensor by tensor, whatever their formats",
  examples: [
    ["$0 diff pytorch_model.bin model_state.pdparams", "across formats, names and layouts"],
    ["$0 diff original converted --json", "for programs; exit code 1 when anything differs"],
    ["$0 diff a.safetensors b.safetensors --max-abs 1e-3", "with a tolerance"],
  ],
  options: (argv) =>
    withSelectionOptions(argv)
      .positional("a", { type: "string", describe: "a file of weights, an index or a folder" })
      .positional("b", { type: "string", describe: "another, the one that is taken to be right" })
      .option("max-abs", {
        type: "number",
        describe: "largest difference that still counts as within tolerance",
      })
      .option("architecture", {
        type: "string",
        describe: '"none" compares tensors by their stored names, as stored',
      })
      .option("source-layout", {
        type: "string",
        describe: "torch or paddle, where the files cannot tell the layout of Linear weights",
      })
      .option("diagnose", {
        type: "boolean",
        default: true,
        describe: "look for the cause of differences (--no-diagnose does not)",
      })
      .option("junit", { type: "string", describe: "write a report as JUnit XML" })
      .option("markdown", { type: "string", describe: "write a report as Markdown" }),
  run: async (args, context) => {
    const { diff: run } = await import("../../verify/diff.ts");
    const result = await run(requiredString(args, "a"), requiredString(args, "b"), {
      maxAbs: optionalNumber(args, "max-abs"),
      architecture: optionalString(args, "architecture"),
      sourceLayout: optionalChoice(args, "source-layout", LAYOUTS),
      diagnose: args["diagnose"] !== false,
      selection: selectionOf(args),
      signal: context.signal,
      onProgress: (done, total, item) => {
        context.progress({ phase: "diff", done, total, unit: "bytes", item });
      },
    });
    for (const note of result.notes) context.note(note);
    const { writeDiffReports } = await import("../../verify/report/diff-reports.ts");
    const reports = await writeDiffReports(result, {
      left: requiredString(args, "a"),
      right: requiredString(args, "b"),
      junit: optionalString(args, "junit"),
      markdown: optionalString(args, "markdown"),
      weakened: weakenedBy("diff", args),
    });
    const { notes: _notes, same, diagnosis, ...facts } = result;
    const json = { ...facts, diagnosis: diagnosisJson(diagnosis) };
    return { ok: same, json: { ...json, reports }, text: context.speech.text(render(result)) };
  },
};

function render({ same, summary, tensors, diagnosis, seconds }: DiffResult): string {
  const total = tensors.length;
  const counts = [
    `${summary.identical} identical`,
    ...(summary.equalValues > 0 ? [`${summary.equalValues} with equal values`] : []),
    ...(summary.withinTolerance > 0 ? [`${summary.withinTolerance} within tolerance`] : []),
    ...(summary.differ > 0 ? [`${summary.differ} different`] : []),
    ...(summary.onlyLeft > 0 ? [`${summary.onlyLeft} only left`] : []),
    ...(summary.onlyRight > 0 ? [`${summary.onlyRight} only right`] : []),
  ];
  const verdict =
    total === 0 ? "nothing was compared" : same ? "the weights agree" : "the weights differ";
  const shown = tensors.filter(({ class: kind }) => !["identical", "equalValues"].includes(kind));
  return [
    `${same ? "PASS" : "FAIL"}  ${verdict}: of ${plural(total, "tensor")} ${counts.join(", ")}`,
    ...diagnosis.map(renderDiagnosis),
    ...shown.slice(0, LISTED).map(describe),
    ...(shown.length > LISTED ? [`and ${shown.length - LISTED} more; --json has them all`] : []),
    `${seconds.toFixed(1)} s`,
  ].join("\n");
}

function describe({
  name,
  class: kind,
  maxAbs,
  ulp,
  firstIndex,
  shape,
  note,
}: DiffedTensor): string {
  const facts = [
    ...(note === undefined ? [] : [note]),
    ...(maxAbs === null ? [] : [`max ${maxAbs.toExponential(2)}`]),
    ...(ulp === null ? [] : [`${ulp} ulp`]),
    ...(firstIndex === null ? [] : [`first at element ${firstIndex}`]),
  ];
  return `  ${kind.padEnd(15)} ${shownName(name)} ${renderShape(shape)}  ${facts.join(", ")}`;
}
