import type { LogitsResult } from "../../api/logits.ts";
import { flag, optionalCount, optionalString, requiredString } from "../arguments.ts";
import type { Command, CommandResult } from "../command.ts";
import type { Speech } from "../language/speech.ts";
import { plural } from "../plural.ts";
import { positionsOf, requiredPrompts, withPromptOptions } from "../prompt-options.ts";
import { runtimeOptions, withRuntimeOptions } from "../runtime-options.ts";

export const logits: Command = {
  usage: "logits <model>",
  summary: "run the model once and show or save its logits",
  examples: [
    ["$0 logits internlm-7b --input-ids 1,290,6389,22634", "the likeliest next tokens"],
    ["$0 logits internlm-7b --prompt 'A beautiful flower' --out flower.safetensors", "save them"],
    ["$0 logits model_state.pdparams --input-ids 1,290 --positions last --json", "for programs"],
  ],
  options: (argv) =>
    withPromptOptions(withRuntimeOptions(argv))
      .positional("model", { type: "string", describe: "a file of weights, an index or a folder" })
      .option("positions", {
        type: "string",
        describe: "all, last, or token indices separated by commas (negative ones from the end)",
      })
      .option("top", { type: "number", describe: "largest logits shown for each position" })
      .option("hidden-states", { type: "boolean", describe: "also save every layer's output" })
      .option("out", { type: "string", describe: "save as a golden-shaped safetensors file" }),
  run: async (args, context) => {
    const { logits: run } = await import("../../api/logits.ts");
    const result = await run(requiredString(args, "model"), {
      ...runtimeOptions(args, context),
      prompts: requiredPrompts(args),
      positions: positionsOf(optionalString(args, "positions")),
      top: optionalCount(args, "top", 1),
      out: optionalString(args, "out"),
      hiddenStates: flag(args, "hidden-states"),
      onProgress: (done, total) => {
        context.progress({ phase: "logits", done, total, unit: "layers" });
      },
    });
    for (const note of result.notes) context.note(note);
    return render(result, optionalString(args, "out"), context.speech);
  },
};

function render(result: LogitsResult, out: string | undefined, speech: Speech): CommandResult {
  const { architecture, device, backend, compute, activations, residence, seconds, top, outputs } =
    result;
  const called = (id: number): string => outputs.labels?.[id] ?? String(id);
  const lines = result.prompts.map(({ ids, positions }, prompt) => {
    const last = top.findLast((entry) => entry.prompt === prompt);
    const best = (last?.ids ?? []).map(
      (id, rank) => `${called(id)} (${last?.logits[rank]?.toFixed(4)})`,
    );
    const rows = `prompt ${prompt}: ${plural(ids.length, "token")}, ${plural(positions.length, "position")}`;
    if (outputs.isDecoder) return `${rows}; after position ${last?.position}: ${best.join(", ")}`;
    return `${rows} with ${outputs.gives}; at position ${last?.position}: ${best.join(", ")}`;
  });
  if (out !== undefined) lines.push(`written to ${out}`);
  return {
    ok: true,
    json: {
      architecture,
      outputs,
      top,
      inputIds: result.prompts.map(({ ids }) => ids),
      device,
      backend,
      compute,
      activations,
      residence,
      seconds,
      out: out ?? null,
      notes: result.notes,
    },
    text: speech.text(lines.join("\n")),
  };
}
