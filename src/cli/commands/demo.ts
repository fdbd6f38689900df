import { optionalChoice } from "../arguments.ts";
import type { Command } from "../command.ts";
import { DEVICES } from "../../options/choices.ts";

export const demo: Command = {
  usage: "demo",
  summary: "show everything on a small model that it makes; needs no download",
  examples: [
    ["$0 demo", "convert, compare, verify, find a mistake, generate"],
    ["$0 demo --device wasm", "on the backend that is always there"],
    ["$0 demo --json", "for programs"],
  ],
  options: (argv) => argv.option("device", { type: "string", describe: "auto, cuda, cpu or wasm" }),
  run: async (args, context) => {
    const { demo: run } = await import("../../api/demo.ts");
    const result = await run({
      device: optionalChoice(args, "device", DEVICES),
      verbose: context.verbose,
      signal: context.signal,
      onStep: ({ command, outcome, ok, seconds }) => {
        const told = `${context.speech.text(outcome)}  [${seconds.toFixed(1)} s]`;
        context.stream(`${ok ? "ok  " : "FAIL"}  ${command}\n      ${told}\n`);
      },
    });
    const { ok, steps, seconds } = result;
    const good = steps.filter((step) => step.ok).length;
    return {
      ok,
      json: { steps, seconds },
      text: context.speech.text(
        `${ok ? "PASS" : "FAIL"}  ${good} of ${steps.length} steps as they should be, ${seconds.toFixed(1)} s`,
      ),
    };
  },
};
