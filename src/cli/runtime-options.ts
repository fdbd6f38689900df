import type { Argv } from "yargs";
import type { RuntimeOptions } from "../session/open-runtime.ts";
import { optionalChoice, optionalSize } from "./arguments.ts";
import type { Arguments, CommandContext } from "./command.ts";
import {
  ACTIVATIONS,
  COMPUTE_DTYPES,
  DEVICES,
  LAYOUTS,
  TOKENIZER_FORMS,
} from "../options/choices.ts";

/** The options of every command that runs a model, without those that change what it computes. */
export function withExactOptions(argv: Argv): Argv {
  return argv
    .option("device", {
      type: "string",
      describe: "auto, cuda, cpu or wasm; auto takes the fastest that is there",
    })
    .option("compute", {
      type: "string",
      describe: "dtype to compute in: f32 (the reference), f16 or bf16",
    })
    .option("max-memory", {
      type: "string",
      describe:
        "memory to use at most, such as 4GiB; decides between resident and streamed weights",
    })
    .option("tokenizer", {
      type: "string",
      describe:
        "slow or fast: transformers' class of LLaMA's SentencePiece model; told from the folder",
    })
    .option("source-layout", {
      type: "string",
      describe: "torch or paddle, where the file cannot tell the layout of Linear weights",
    });
}

/** The options of commands that run a model for what it answers. */
export function withRuntimeOptions(argv: Argv): Argv {
  return withExactOptions(argv).option("activations", {
    type: "string",
    describe:
      "int8 rounds what GGUF's quantised matrices are multiplied by, as llama.cpp does: faster; f32",
  });
}

export function runtimeOptions(args: Arguments, context: CommandContext): RuntimeOptions {
  return {
    device: optionalChoice(args, "device", DEVICES),
    compute: optionalChoice(args, "compute", COMPUTE_DTYPES),
    activations: optionalChoice(args, "activations", ACTIVATIONS),
    maxMemory: optionalSize(args, "max-memory"),
    tokenizer: optionalChoice(args, "tokenizer", TOKENIZER_FORMS),
    sourceLayout: optionalChoice(args, "source-layout", LAYOUTS),
    verbose: context.verbose,
    signal: context.signal,
  };
}
