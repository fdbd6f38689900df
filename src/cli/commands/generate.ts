import type { GenerateOptions, GenerateResult } from "../../api/generate.ts";
import type { GeneratedText } from "../../api/generator.ts";
import { flag, optionalChoice, optionalNumber, requiredString } from "../arguments.ts";
import type { Arguments, Command, CommandContext } from "../command.ts";
import { BEYOND_CONTEXT } from "../option-values.ts";
import { listOf, requiredPrompts, withPromptOptions } from "../prompt-options.ts";
import { runtimeOptions, withRuntimeOptions } from "../runtime-options.ts";

export const generate: Command = {
  usage: "generate <model>",
  summary: "continue a prompt",
  examples: [
    ["$0 generate internlm-7b --prompt 'A beautiful flower' --max-new-tokens 40", "greedily"],
    [
      "$0 generate internlm-7b --prompt '来到美丽的大自然' --max-length 128 --do-sample --top-p 0.8 --temperature 0.8 --repetition-penalty 1.1",
      "by sampling",
    ],
    ["$0 generate internlm-7b --input-ids 1,290,6389 --json", "for programs"],
  ],
  options: (argv) =>
    withPromptOptions(withRuntimeOptions(argv))
      .positional("model", { type: "string", describe: "a file of weights, an index or a folder" })
      .option("max-new-tokens", { type: "number", describe: "new tokens at most" })
      .option("max-length", { type: "number", describe: "tokens of prompt and answer at most" })
      .option("do-sample", { type: "boolean", describe: "draw tokens; without it, greedy" })
      .option("temperature", { type: "number", describe: "logits are divided by it; 1" })
      .option("top-p", { type: "number", describe: "draw from the likeliest that add up to it; 1" })
      .option("top-k", { type: "number", describe: "draw from the k likeliest; 50, 0 for all" })
      .option("repetition-penalty", { type: "number", describe: "above 1 repeats less; 1" })
      .option("seed", { type: "number", describe: "the same seed draws the same tokens; 0" })
      .option("beyond-context", {
        type: "string",
        describe:
          "dynamic NTK past the trained context: recompute (exact, the default) or cached (as InternLM's own generate: fast)",
      })
      .option("stop", {
        type: "string",
        describe: "text that ends the answer; give it again for another",
      }),
  run: async (args, context) => {
    const { generate: run } = await import("../../api/generate.ts");
    const options = optionsOf(args, context);
    const isOne = options.prompts.length === 1;
    const streams = isOne && !context.json;
    const result = await run(requiredString(args, "model"), {
      ...options,
      ...(streams ? { onText: (_prompt: number, text: string) => context.stream(text) } : {}),
    });
    for (const note of result.notes) context.note(note);
    const wasStreamed = streams && result.results[0]?.text !== null;
    if (wasStreamed) context.stream("\n");
    context.note(statistics(result));
    const { results, ...facts } = result;
    const [first] = results;
    return {
      ok: true,
      json: { ...first, ...facts, results },
      text: wasStreamed ? "" : results.map((entry, index) => plain(entry, index, isOne)).join("\n"),
    };
  },
};

function optionsOf(args: Arguments, context: CommandContext): GenerateOptions {
  const doSample = flag(args, "do-sample");
  return {
    ...runtimeOptions(args, context),
    prompts: requiredPrompts(args),
    maxNewTokens: optionalNumber(args, "max-new-tokens"),
    maxLength: optionalNumber(args, "max-length"),
    doSample,
    ...numbers(args, ["temperature", "top-p", "top-k", "repetition-penalty", "seed"]),
    stop: listOf(args["stop"]),
    beyondContext: optionalChoice(args, "beyond-context", BEYOND_CONTEXT),
    onProgress: (phase, done, total) => {
      const unit = phase === "load" ? "layers" : "tokens";
      if (phase === "load" || context.json) context.progress({ phase, done, total, unit });
    },
  };
}

/** Options under the names of the library: `top-p` is `topP`. */
function numbers(args: Arguments, names: readonly string[]): Readonly<Record<string, number>> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = optionalNumber(args, name);
      const key = name.replaceAll(/-([a-z])/g, (_all, letter: string) => letter.toUpperCase());
      return value === undefined ? [] : [[key, value]];
    }),
  );
}

function plain({ text, ids }: GeneratedText, index: number, isOne: boolean): string {
  const shown = text ?? ids.join(",");
  return isOne ? shown : `[${index}] ${shown}`;
}

function statistics({
  results,
  tokensPerSecond,
  loadSeconds,
  prefillSeconds,
  peakMemoryBytes,
  device,
  compute,
}: GenerateResult): string {
  const tokens = results.reduce((sum, { newTokens }) => sum + newTokens, 0);
  return `${tokens} new tokens, ${tokensPerSecond.toFixed(1)} tokens/s (${device}, ${compute}); load ${loadSeconds.toFixed(1)} s, prefill ${prefillSeconds.toFixed(2)} s, peak memory ${(peakMemoryBytes / 2 ** 20).toFixed(0)} MiB`;
}
