import type { Inspection } from "../../api/inspect.ts";
import { shownName } from "../../tensor/shown-name.ts";
import { renderShape } from "../../tensor/shape.ts";
import { optionalString, requiredString } from "../arguments.ts";
import { selectionOf, withSelectionOptions } from "../selection-options.ts";
import { collapseLayers } from "../collapse-layers.ts";
import type { Command } from "../command.ts";
import { plural } from "../plural.ts";

export const inspect: Command = {
  usage: "inspect <model>",
  summary: "show what a checkpoint holds, from its headers",
  examples: [
    [
      "$0 inspect internlm-7b/pytorch_model.bin",
      "tensors, dtypes, and the layout of Linear weights",
    ],
    ["$0 inspect model.pt --architecture none", "any checkpoint, as stored"],
    ["$0 inspect hf:internlm/internlm-7b", "on the hub: headers are read, weights are not"],
    ["$0 inspect internlm-7b --json", "the same for programs, each tensor by itself"],
  ],
  options: (argv) =>
    withSelectionOptions(argv)
      .positional("model", {
        type: "string",
        demandOption: true,
        describe:
          "a file of weights, an index, or a folder; also https://… and hf:org/name@revision",
      })
      .option("architecture", {
        type: "string",
        describe: '"none" takes no notice of config.json',
      }),
  run: async (args, context) => {
    const { inspect: run } = await import("../../api/inspect.ts");
    const result = await run(requiredString(args, "model"), {
      architecture: optionalString(args, "architecture"),
      selection: selectionOf(args),
      signal: context.signal,
    });
    for (const note of result.notes) context.note(note);
    return {
      ok: true,
      json: { ...result },
      text: context.speech.text(render(result, context.verbose)),
    };
  },
};

function render(result: Inspection, each: boolean): string {
  const rows = result.tensors.map(({ name, dtype, shape, rank }) => ({
    name: rank === undefined ? shownName(name) : `${shownName(name)}@tp${rank.tp}_pp${rank.pp}`,
    facts: `${dtype} ${renderShape(shape)}`,
  }));
  const lines = each ? rows.map((row) => ({ ...row, count: 1 })) : collapseLayers(rows);
  const width = lines.reduce((most, { name }) => Math.max(most, name.length), 0);
  const [evidence] = result.layoutEvidence;
  const reason =
    evidence === undefined
      ? ""
      : ` (${shownName(evidence.tensor)}: ${evidence.why}${result.layoutEvidence.length > 1 ? `; ${result.layoutEvidence.length} tensors say so` : ""})`;
  return [
    ...lines.map(
      ({ name, facts, count }) =>
        `${name.padEnd(width)}  ${facts}${count > 1 ? `  ×${count}` : ""}`,
    ),
    "",
    `format        ${result.format}, ${plural(result.files.length, "file")}`,
    `architecture  ${result.architecture}`,
    ...(result.support === undefined
      ? []
      : [
          `support       convert, verify, run; logits equal those of ${result.support.checkedAgainst}`,
        ]),
    `parameters    ${result.parameters.toLocaleString("en-US")} in ${plural(result.tensors.length, "tensor")}, ${result.bytes.toLocaleString("en-US")} bytes`,
    `layout        ${result.layout}${reason}`,
    ...Object.entries(result.metadata).map(
      ([key, value]) => `metadata      ${shownName(key)}: ${shownName(value)}`,
    ),
    ...result.tied.map((names) => `shared        ${names.map(shownName).join(", ")}`),
    ...result.skipped.map(({ name, why }) => `left out      ${shownName(name)}: ${why}`),
  ].join("\n");
}
