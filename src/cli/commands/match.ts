import { renderStatement } from "../../mapping/learned/statement.ts";
import { shownName } from "../../tensor/shown-name.ts";
import { optionalString, requiredString } from "../arguments.ts";
import type { Command } from "../command.ts";
import { plural } from "../plural.ts";
import { selectionOf, withSelectionOptions } from "../selection-options.ts";

/** Unexplained tensors that the text lists; --json has all. */
const LISTED = 12;

export const match: Command = {
  usage: "match <a> <b>",
  summary: "find by values alone how two checkpoints of the same weights relate",
  examples: [
    ["$0 match original converted", "names, transposes, joins, splits, permutations, ties, casts"],
    ["$0 match a.pdparams b.safetensors --json", "for programs; exit 1 when any is unexplained"],
    ["$0 match a b --out map.json", "write it, for: convert another-a out --map map.json"],
  ],
  options: (argv) =>
    withSelectionOptions(argv)
      .positional("a", { type: "string", describe: "a file of weights, an index or a folder" })
      .positional("b", { type: "string", describe: "the same weights in another form" })
      .option("out", {
        type: "string",
        describe: "write the map here, when every tensor is explained",
      }),
  run: async (args, context) => {
    const { match: run } = await import("../../api/match.ts");
    const result = await run(requiredString(args, "a"), requiredString(args, "b"), {
      out: optionalString(args, "out"),
      selection: selectionOf(args),
      signal: context.signal,
      onProgress: (done, total, item) => {
        context.progress({ phase: "match", done, total, unit: "bytes", item });
      },
    });
    for (const note of result.notes) context.note(note);
    const { tensors, unexplained, out, seconds, statements, notes } = result;
    const isWhole = unexplained.length === 0 && tensors.length > 0;
    const more = unexplained.length - LISTED;
    const verdict = isWhole
      ? `every tensor is explained (${plural(tensors.length, "tensor")})${out === null ? "" : `; map written: ${out}`}`
      : `${plural(unexplained.length, "tensor")} unexplained; nothing is written`;
    return {
      ok: isWhole,
      json: {
        tensors,
        unexplained,
        statements: statements.map(renderStatement),
        out,
        notes,
        seconds,
      },
      text: [
        ...statements.map((statement) => shownName(renderStatement(statement))),
        // The statements are for `--map`, in whatever language.
        context.speech.text(
          [
            ...unexplained.slice(0, LISTED).map((name) => `unexplained: ${shownName(name)}`),
            ...(more > 0 ? [`and ${more} more; --json has them all`] : []),
            `${isWhole ? "PASS" : "FAIL"}  ${verdict}; ${seconds.toFixed(1)} s`,
          ].join("\n"),
        ),
      ].join("\n"),
    };
  },
};
