import type { RecordedGolden } from "../../verify/golden/record.ts";
import { WbError } from "../../errors/wb-error.ts";
import { optionalNumber, optionalString, requiredString } from "../arguments.ts";
import type { Arguments, Command, CommandContext, CommandResult } from "../command.ts";
import { plural } from "../plural.ts";
import { positionsOf, promptsOf, withPromptOptions } from "../prompt-options.ts";
import { runtimeOptions, withExactOptions } from "../runtime-options.ts";

/** In the working directory. */
const DEFAULT_OUT = "golden.safetensors";

export const golden: Command = {
  usage: "golden <action> [model]",
  summary: "record what a model computes, or print the script that does it in its own framework",
  examples: [
    ["$0 golden record internlm-7b --out golden.safetensors", "from this runtime"],
    ["$0 golden script --framework transformers > record_golden.py", "from transformers"],
    ["$0 golden script --framework paddle > record_golden.py", "from Paddle"],
  ],
  options: (argv) =>
    withPromptOptions(withExactOptions(argv))
      .positional("action", { type: "string", describe: "record or script" })
      .positional("model", { type: "string", describe: "a file of weights, an index or a folder" })
      .option("out", {
        type: "string",
        describe: `the golden file to write; ${DEFAULT_OUT} when left out`,
      })
      .option("positions", {
        type: "string",
        describe: "where logits are kept: all, last, or token indices separated by commas",
      })
      .option("hidden-states", {
        type: "boolean",
        default: true,
        describe: "keep every layer's output, which tells a failure's place",
      })
      .option("greedy-tokens", {
        type: "number",
        describe: "greedily chosen ids kept after each prompt; 16 when left out",
      })
      .option("framework", { type: "string", describe: "transformers or paddle" }),
  run: (args, context) => {
    const action = requiredString(args, "action");
    if (action === "record") return record(args, context);
    if (action === "script") return script(args);
    throw new WbError(
      "WB2001",
      `golden: expected record or script, found ${JSON.stringify(action)}`,
      {
        details: { option: "action", expected: "record or script", found: JSON.stringify(action) },
      },
    );
  },
};

async function record(args: Arguments, context: CommandContext): Promise<CommandResult> {
  const { recordGolden } = await import("../../verify/golden/record.ts");
  const prompts = promptsOf(args);
  const result = await recordGolden(
    requiredString(args, "model"),
    optionalString(args, "out") ?? DEFAULT_OUT,
    {
      ...runtimeOptions(args, context),
      prompts: prompts.length === 0 ? undefined : prompts,
      positions: positionsOf(optionalString(args, "positions")),
      hiddenStates: args["hidden-states"] !== false,
      greedyTokens: greedyTokens(args),
      onProgress: (done, total) => {
        context.progress({ phase: "golden", done, total, unit: "layers" });
      },
    },
  );
  for (const note of result.notes) context.note(note);
  const { notes: _notes, ...json } = result;
  return { ok: true, json: { ...json }, text: context.speech.text(render(result)) };
}

function greedyTokens(args: Arguments): number | undefined {
  const count = optionalNumber(args, "greedy-tokens");
  if (count === undefined || (Number.isSafeInteger(count) && count >= 0)) return count;
  throw new WbError("WB2001", `--greedy-tokens: expected 0 or more, found ${count}`, {
    details: { option: "--greedy-tokens", found: count },
  });
}

function render({ path, prompts, seconds }: RecordedGolden): string {
  const tokens = prompts.reduce((sum, { ids }) => sum + ids.length, 0);
  return `${path}: ${plural(prompts.length, "prompt")}, ${plural(tokens, "token")}, ${seconds.toFixed(1)} s`;
}

async function script(args: Arguments): Promise<CommandResult> {
  const { goldenScript } = await import("../../verify/golden/record.ts");
  const framework = requiredString(args, "framework");
  const text = await goldenScript(framework);
  return { ok: true, json: { framework, script: text }, text };
}
