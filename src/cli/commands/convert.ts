import type { ConvertOptions } from "../../api/convert.ts";
import type { DeltaOptions } from "../../convert/settings.ts";
import { WbError } from "../../errors/wb-error.ts";
import {
  flag,
  optionalChoice,
  optionalPart,
  optionalSize,
  optionalString,
  requiredString,
  texts,
} from "../arguments.ts";
import type { Arguments, Command, CommandContext } from "../command.ts";
import {
  CAST_DTYPES,
  DELTA_DTYPES,
  DELTA_RECIPES,
  LAYOUTS,
  PADDLE_WRITERS,
  QUANTISATIONS,
  TARGET_DTYPES,
  TARGET_FORMATS,
} from "../../options/choices.ts";
import { selectionOf, withSelectionOptions } from "../selection-options.ts";
import { renderConvert } from "../render-convert.ts";

export const convert: Command = {
  usage: "convert <src> <dst>",
  summary: "convert a checkpoint into a folder of safetensors, PyTorch, Paddle or GGUF weights",
  examples: [
    ["$0 convert internlm-7b converted", "to safetensors, as transformers loads them"],
    ["$0 convert model_state.pdparams converted --dry-run", "print the plan and write nothing"],
    ["$0 convert converted paddle --to paddle", "to a .pdparams in PaddleNLP's layout"],
    ["$0 convert converted gguf --to gguf --quantize Q8_0", "to model.gguf for llama.cpp"],
    ["$0 convert llama-7b vicuna-7b --delta vicuna-7b-delta-v1.1", "base + published delta"],
    ["$0 convert llama-7b merged --lora my-adapter", "base + LoRA adapter, merged as PEFT does"],
    ["$0 convert tuned.pdparams out --like base-hf", "into the form that its base model has there"],
    [
      "$0 convert internlm-7b out --max-shard-size 2GB --plan plan.json",
      "split over machines: plan,",
    ],
    ["$0 convert internlm-7b out --plan plan.json --part 2/8", "write each part somewhere,"],
    ["$0 convert internlm-7b out --plan plan.json --finish", "and put them together"],
  ],
  options: (argv) =>
    withSelectionOptions(argv)
      .positional("src", {
        type: "string",
        demandOption: true,
        describe:
          "a file, a model folder, or an index.json; also https://… and hf:org/name@revision",
      })
      .positional("dst", { type: "string", demandOption: true, describe: "the folder to write" })
      .option("to", {
        type: "string",
        describe: "safetensors, pytorch, paddle or gguf (default safetensors)",
      })
      .option("layout", {
        type: "string",
        describe: "layout of Linear weights in the target: torch or paddle",
      })
      .option("for", {
        type: "string",
        describe:
          "with --to paddle: whose names: paddlenlp, paddleformers or erniekit (default the model's usual)",
      })
      .option("source-layout", {
        type: "string",
        describe: "their layout in the source, where it cannot be told",
      })
      .option("transpose", {
        type: "string",
        array: true,
        nargs: 1,
        describe:
          "of an unknown model: transpose the tensors whose whole name fits, such as '*.fc.*'",
      })
      .option("keep", {
        type: "string",
        array: true,
        nargs: 1,
        describe: "of an unknown model: leave the tensors whose whole name fits as they are stored",
      })
      .option("dequantize", {
        type: "string",
        describe: "BF16, F16 or F32: write the values of quantised weights (FP8, GPTQ, AWQ, …)",
      })
      .option("quantize", {
        type: "string",
        describe: "with --to gguf: Q8_0, Q4_0, Q4_K_M, Q6_K, F32, F16 or BF16 (default as stored)",
      })
      .option("dtype", { type: "string", describe: "keep, F32, F16 or BF16 (default keep)" })
      .option("max-shard-size", {
        type: "string",
        describe: "split into files of at most this size, such as 5GB",
      })
      .option("architecture", {
        type: "string",
        describe: "none takes tensors as stored; any other must be what config.json says",
      })
      .option("delta", {
        type: "string",
        describe: "weights to add to the source's, as Vicuna and Alpaca were published: any format",
      })
      .option("delta-recipe", {
        type: "string",
        describe: "fastchat (F16, new rows 0) or alpaca (F32, new rows the mean); told by dtype",
      })
      .option("delta-dtype", {
        type: "string",
        describe: "F32, F16 or BF16: the dtype to add in (default the recipe's)",
      })
      .option("map", {
        type: "string",
        describe: "make every tensor as this map says, which match --out wrote",
      })
      .option("like", {
        type: "string",
        describe:
          "bring the source to the form of this checkpoint, of whose weights it is a version trained further",
      })
      .option("lora", {
        type: "string",
        describe: "a LoRA adapter of PEFT to merge into the source, as merge_and_unload does",
      })
      .option("dry-run", { type: "boolean", describe: "print the plan, write nothing" })
      .option("resume", { type: "boolean", describe: "go on with an interrupted conversion" })
      .option("force", { type: "boolean", describe: "replace what the target folder holds" })
      .option("allow-expansion", {
        type: "boolean",
        describe: "write tensors in full that expand a few bytes more than 16 times",
      })
      .option("plan", {
        type: "string",
        describe:
          "a file that splits the work into parts: made alone, read with --part or --finish",
      })
      .option("part", {
        type: "string",
        describe: "with --plan: write part i of n, such as 2/8; on any machine, in any order",
      })
      .option("finish", {
        type: "boolean",
        describe: "with --plan: check that all parts are there and put them in place",
      })
      .option("verify", {
        type: "boolean",
        default: true,
        describe: "read the output back and compare digests",
      }),
  run: async (args, context) => {
    const { convert: run } = await import("../../api/convert.ts");
    const isDry = flag(args, "dry-run");
    const source = requiredString(args, "src");
    const target = requiredString(args, "dst");
    const result = await run(source, target, optionsOf(args, context));
    for (const note of result.notes) context.note(`note: ${note}`);
    const { notes, plan, step, ...fields } = result;
    const json = {
      ...fields,
      notes,
      ...(isDry ? { dryRun: true } : {}),
      ...(step === undefined ? {} : { step }),
    };
    const text = isDry ? plan : renderConvert(result, { source, target });
    return { ok: true, json, text: context.speech.text(text) };
  },
};

function optionsOf(args: Arguments, context: CommandContext): ConvertOptions {
  return {
    to: optionalChoice(args, "to", TARGET_FORMATS),
    layout: optionalChoice(args, "layout", LAYOUTS),
    for: optionalChoice(args, "for", PADDLE_WRITERS),
    sourceLayout: optionalChoice(args, "source-layout", LAYOUTS),
    dtype: optionalChoice(args, "dtype", TARGET_DTYPES),
    quantize: optionalChoice(args, "quantize", QUANTISATIONS),
    dequantize: optionalChoice(args, "dequantize", CAST_DTYPES),
    maxShardSize: optionalSize(args, "max-shard-size"),
    architecture: optionalString(args, "architecture"),
    transpose: texts(args, "transpose"),
    keep: texts(args, "keep"),
    selection: selectionOf(args),
    delta: deltaOf(args),
    map: optionalString(args, "map"),
    like: optionalString(args, "like"),
    lora: optionalString(args, "lora"),
    dryRun: flag(args, "dry-run"),
    resume: flag(args, "resume"),
    force: flag(args, "force"),
    allowExpansion: flag(args, "allow-expansion"),
    verify: args["verify"] !== false,
    plan: optionalString(args, "plan"),
    part: optionalPart(args, "part"),
    finish: flag(args, "finish"),
    signal: context.signal,
    onProgress: (phase, done, total, item) => {
      context.progress({ phase, done, total, unit: "bytes", item });
    },
  };
}

/** @throws WbError WB2001 for an option of deltas without one. */
function deltaOf(args: Arguments): DeltaOptions | undefined {
  const path = optionalString(args, "delta");
  const recipe = optionalChoice(args, "delta-recipe", DELTA_RECIPES);
  const dtype = optionalChoice(args, "delta-dtype", DELTA_DTYPES);
  if (path !== undefined) return { path, recipe, dtype };
  if (recipe === undefined && dtype === undefined) return undefined;
  throw new WbError(
    "WB2001",
    "--delta-recipe and --delta-dtype say how to add a --delta, and there is none",
    { details: { option: "--delta" } },
  );
}
