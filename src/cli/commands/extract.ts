import type { ExtractResult } from "../../api/extract.ts";
import { WbError } from "../../errors/wb-error.ts";
import { EXTRACT_RESTS } from "../../options/choices.ts";
import { shownName } from "../../tensor/shown-name.ts";
import {
  flag,
  optionalChoice,
  optionalCount,
  optionalString,
  requiredString,
} from "../arguments.ts";
import type { Command } from "../command.ts";
import { plural } from "../plural.ts";
import { renderBytes } from "../progress.ts";
import { selectionOf, withSelectionOptions } from "../selection-options.ts";

/** Tensors that the text lists of a kind; --json has all. */
const LISTED = 8;

export const extract: Command = {
  usage: "extract <base> <tuned> <dst>",
  summary: "write what a model differs from its base by as a LoRA adapter of one rank",
  examples: [
    [
      "$0 extract llama-7b my-tune adapter --rank 16",
      "in PEFT's form, with the error that is left",
    ],
    ["$0 extract llama-7b my-tune adapter --rank 16 --rest save", "norms and embeddings whole"],
    [
      "$0 extract llama-7b my-tune adapter --rank 64 --json",
      "for programs; `convert llama-7b again --lora adapter` is the way back",
    ],
  ],
  options: (argv) =>
    withSelectionOptions(argv)
      .positional("base", { type: "string", describe: "a file of weights, an index or a folder" })
      .positional("tuned", { type: "string", describe: "a version of it that was trained further" })
      .positional("dst", { type: "string", demandOption: true, describe: "the folder to write" })
      .option("rank", { type: "number", describe: "the rank of the factors, such as 16" })
      .option("rest", {
        type: "string",
        describe:
          "changes that factors do not hold: save (whole tensors) or leave (default: refused)",
      })
      .option("architecture", {
        type: "string",
        describe: "none takes tensors as stored; any other must be what config.json says",
      })
      .option("force", { type: "boolean", describe: "replace what the target folder holds" }),
  run: async (args, context) => {
    const { extract: run } = await import("../../api/extract.ts");
    const rank = optionalCount(args, "rank", 1);
    if (rank === undefined)
      throw new WbError("WB2001", "extract needs --rank, such as --rank 16", {
        details: { option: "--rank" },
      });
    const target = requiredString(args, "dst");
    const result = await run(requiredString(args, "base"), requiredString(args, "tuned"), target, {
      rank,
      rest: optionalChoice(args, "rest", EXTRACT_RESTS),
      architecture: optionalString(args, "architecture"),
      selection: selectionOf(args),
      force: flag(args, "force"),
      signal: context.signal,
      onProgress: (phase, done, total, item) => {
        context.progress({ phase, done, total, unit: "tensors", item });
      },
    });
    for (const note of result.notes) context.note(`note: ${note}`);
    const { notes, ...fields } = result;
    return {
      ok: true,
      json: { ...fields, notes },
      text: context.speech.text(render(result, target)),
    };
  },
};

function render(result: ExtractResult, target: string): string {
  const { factors, whole, left, rank, error, rounding, bytesWritten, unchanged, seconds } = result;
  const worst = factors.toSorted((a, b) => b.error - a.error)[0];
  return [
    `rank ${rank}: factors of ${plural(factors.length, "weight")}, ${renderBytes(bytesWritten)} in ${seconds.toFixed(1)} s: ${target}`,
    `error ${shown(error)} of the change; the largest is that of ${shownName(worst?.name ?? "")}, ${shown(worst?.error ?? 0)}`,
    ...(error <= rounding
      ? [`rounding the tuned weights to their dtype alone may leave ${shown(rounding)}`]
      : []),
    ...(whole.length > 0 ? [`saved whole: ${list(whole)}`] : []),
    ...(left.length > 0 ? [`left out, though changed: ${list(left.map(({ name }) => name))}`] : []),
    `not changed: ${plural(unchanged, "tensor")}`,
  ].join("\n");
}

function shown(share: number): string {
  return share === 0 ? "0" : share.toPrecision(2);
}

function list(names: readonly string[]): string {
  const more = names.length - LISTED;
  return `${names.slice(0, LISTED).map(shownName).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}
