import { indented } from "../printable.ts";
import { optionalString, requiredString } from "../arguments.ts";
import type { Command } from "../command.ts";
import { plural } from "../plural.ts";

export const check: Command = {
  usage: "check <model>",
  summary: "hold a checkpoint against its headers, index and config.json",
  examples: [
    ["$0 check internlm-7b", "exit 0 when nothing is missing, repeated or misshapen; else 3"],
    ["$0 check internlm-7b/model.safetensors.index.json", "an index against its shards"],
    ["$0 check converted --digests", "every tensor against the manifest of its conversion"],
    ["$0 check pytorch_model.bin --digests", "every record against the archive's CRC-32"],
    ["$0 check model.safetensors --architecture none", "the file alone, whatever model it is"],
  ],
  options: (argv) =>
    argv
      .positional("model", {
        type: "string",
        demandOption: true,
        describe:
          "a file of weights, an index, or a folder; also https://… and hf:org/name@revision",
      })
      .option("architecture", {
        type: "string",
        describe: '"none" takes no notice of config.json',
      })
      .option("digests", {
        type: "boolean",
        describe:
          "read all weights, and hold them against their digests: weighbridge.manifest.json, the archive's CRC-32, the publisher's SHA-256",
      }),
  run: async (args, context) => {
    const { check: run } = await import("../../api/check.ts");
    const result = await run(requiredString(args, "model"), {
      architecture: optionalString(args, "architecture"),
      digests: args["digests"] === true,
      signal: context.signal,
    });
    for (const note of result.notes) context.note(note);
    const { problems, architecture, tensors } = result;
    const lines = problems.map(({ code, message }) => `${code}  ${indented(message)}`);
    const count = plural(problems.length, "problem");
    return {
      ok: problems.length === 0,
      exitCode: 3,
      json: { problems, architecture, tensors, notes: result.notes },
      text: context.speech.text(
        [...lines, `${plural(tensors, "tensor")}, architecture ${architecture}: ${count}`].join(
          "\n",
        ),
      ),
    };
  },
};
