import type { Argv } from "yargs";
import type { SamplingSettings } from "../runtime/generation/sampling-settings.ts";
import { optionalNumber } from "./arguments.ts";
import type { Arguments } from "./command.ts";

/** The options of how tokens are drawn, but for whether they are. */
export function withSamplingOptions(
  argv: Argv,
  defaults: { readonly temperature: string; readonly topP: string; readonly seed: string },
): Argv {
  return argv
    .option("temperature", {
      type: "number",
      describe: `logits are divided by it; ${defaults.temperature}`,
    })
    .option("top-p", {
      type: "number",
      describe: `draw from the likeliest that add up to it; ${defaults.topP}`,
    })
    .option("top-k", { type: "number", describe: "draw from the k likeliest; 50, 0 for all" })
    .option("repetition-penalty", { type: "number", describe: "above 1 repeats less; 1" })
    .option("seed", {
      type: "number",
      describe: `the same seed draws the same tokens; ${defaults.seed}`,
    });
}

const NUMBERS = {
  temperature: "temperature",
  "top-p": "topP",
  "top-k": "topK",
  "repetition-penalty": "repetitionPenalty",
  seed: "seed",
} as const satisfies Record<string, keyof SamplingSettings>;

/** The settings that were given. */
export function samplingOptions(args: Arguments): Partial<Omit<SamplingSettings, "doSample">> {
  return Object.fromEntries(
    Object.entries(NUMBERS).flatMap(([option, name]) => {
      const value = optionalNumber(args, option);
      return value === undefined ? [] : [[name, value]];
    }),
  );
}
