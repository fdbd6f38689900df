import { WbError } from "../../errors/wb-error.ts";
import type { VerifyOptions, VerifyResult } from "../../verify/result.ts";
import { optionalChoice, optionalNumber, optionalString, requiredString } from "../arguments.ts";
import type { Arguments, Command, CommandContext } from "../command.ts";
import { TOLERANCE_PROFILES } from "../../options/choices.ts";
import { IMATRIX_OPTION } from "../imatrix-option.ts";
import { promptsOf, withPromptOptions } from "../prompt-options.ts";
import { selectionOf, withSelectionOptions } from "../selection-options.ts";
import { diagnosisJson } from "../render-diagnosis.ts";
import { renderVerify } from "../render-verify.ts";
import { runtimeOptions, withExactOptions } from "../runtime-options.ts";

export const verify: Command = {
  usage: "verify <checkpoint> [other]",
  summary: "prove that a model still computes the same, and say what is wrong when it does not",
  examples: [
    ["$0 verify internlm-7b", "the sets of weights in one folder against each other"],
    ["$0 verify converted original", "two checkpoints of any formats, logits and tensors"],
    ["$0 verify converted --golden golden.safetensors", "against what the original computed"],
    [
      "$0 verify model.gguf original --imatrix imatrix.gguf",
      "a quantised file, its blocks by the matrix that it was made with",
    ],
    ["$0 verify converted --endpoint http://localhost:8000/v1", "whether a server serves it"],
  ],
  options: (argv) =>
    withSelectionOptions(withPromptOptions(withExactOptions(argv)))
      .positional("checkpoint", {
        type: "string",
        describe: "a file of weights, an index or a folder",
      })
      .positional("other", { type: "string", describe: "the checkpoint that is taken to be right" })
      .option("golden", { type: "string", describe: "a golden file (see: golden record)" })
      .option("imatrix", IMATRIX_OPTION)
      .option("endpoint", {
        type: "string",
        describe: "a server that speaks OpenAI's completions, and should serve these weights",
      })
      .option("api-key-env", {
        type: "string",
        describe: "the environment variable that holds the server's key",
      })
      .option("model", {
        type: "string",
        describe: "which of the server's models (default its only one)",
      })
      .option("tolerance-profile", {
        type: "string",
        describe: "strict, default or loose: a quarter of, once, or sixteen times the tolerance",
      })
      .option("max-abs", { type: "number", describe: "tolerance on logits, absolute" })
      .option("kl", { type: "number", describe: "tolerance on the KL divergence, in nats" })
      .option("calibrate", {
        type: "boolean",
        describe:
          "measure the model's noise in a second run, too; the default up to 1e9 parameters",
      })
      .option("weights", {
        type: "boolean",
        describe: "compare two checkpoints' tensors, too; the default up to 1e9 parameters",
      })
      .option("diagnose", {
        type: "boolean",
        default: true,
        describe: "look for the cause of a failure (--no-diagnose does not)",
      })
      .option("report", { type: "string", describe: "write a report as one HTML file" })
      .option("junit", { type: "string", describe: "write a report as JUnit XML" })
      .option("markdown", { type: "string", describe: "write a report as Markdown" }),
  run: async (args, context) => {
    const result = await verified(args, context);
    for (const note of result.notes) context.note(note);
    const paths = {
      html: optionalString(args, "report"),
      junit: optionalString(args, "junit"),
      markdown: optionalString(args, "markdown"),
    };
    const isFiled = context.json || Object.values(paths).some((path) => path !== undefined);
    const { evidenceOf } = await import("../../verify/report/evidence.ts");
    const evidence = isFiled ? await evidenceOf(result, context.signal) : undefined;
    const { writeReports } = await import("../../verify/report/reports.ts");
    const reports = await writeReports(result, paths, evidence);
    const { notes, prompts, comparisons, diagnosis, inputs: _inputs, ...facts } = result;
    return {
      ok: result.verdict === "pass",
      json: {
        ...facts,
        ...(evidence === undefined ? {} : { evidence }),
        diagnosis: diagnosisJson(diagnosis),
        prompts: prompts.map(({ rows: _rows, ...prompt }) => prompt),
        comparisons: comparisons.map(({ parity, diagnosis: own, ...comparison }) => {
          const { prompts: _prompts, ...rest } = parity ?? { prompts: [] };
          return {
            ...comparison,
            diagnosis: diagnosisJson(own),
            parity: parity === undefined ? null : rest,
          };
        }),
        reports,
        notes,
      },
      text: context.speech.text(renderVerify(result)),
    };
  },
};

/** The result; where there is none but an error, the JUnit report that was asked for says so. */
async function verified(args: Arguments, context: CommandContext): Promise<VerifyResult> {
  const model = requiredString(args, "checkpoint");
  const { verify: run } = await import("../../verify/run.ts");
  try {
    return await run(model, optionsOf(args, context));
  } catch (error) {
    const junit = optionalString(args, "junit");
    if (junit === undefined) throw error;
    const { shownAddress } = await import("../../verify/endpoint/address.ts");
    const endpoint = optionalString(args, "endpoint");
    const references = [
      optionalString(args, "golden"),
      endpoint === undefined ? undefined : shownAddress(endpoint),
      optionalString(args, "other"),
    ];
    const { writeErrorReport } = await import("../../verify/report/reports.ts");
    const named = references.filter((path) => path !== undefined);
    await writeErrorReport(junit, { model, references: named }, error);
    throw error;
  }
}

/** The server that was named. @throws WbError WB2964 for settings of a server without one. */
function endpointIn(args: Arguments): VerifyOptions["endpoint"] {
  const url = optionalString(args, "endpoint");
  const [apiKeyEnv, model] = ["api-key-env", "model"].map((name) => optionalString(args, name));
  if (url !== undefined) return { url, apiKeyEnv, model };
  const setting = apiKeyEnv !== undefined ? "--api-key-env" : "--model";
  if (apiKeyEnv === undefined && model === undefined) return undefined;
  throw new WbError("WB2964", `${setting}: expected --endpoint with it`, { details: { setting } });
}

function optionsOf(args: Arguments, context: CommandContext): VerifyOptions {
  const prompts = promptsOf(args);
  return {
    ...runtimeOptions(args, context),
    other: optionalString(args, "other"),
    golden: optionalString(args, "golden"),
    imatrix: optionalString(args, "imatrix"),
    endpoint: endpointIn(args),
    prompts: prompts.length === 0 ? undefined : prompts,
    profile: optionalChoice(args, "tolerance-profile", TOLERANCE_PROFILES),
    maxAbs: optionalNumber(args, "max-abs"),
    kl: optionalNumber(args, "kl"),
    calibrate: args["calibrate"] === undefined ? undefined : args["calibrate"] === true,
    weights: args["weights"] === undefined ? undefined : args["weights"] === true,
    diagnose: args["diagnose"] !== false,
    selection: selectionOf(args),
    onProgress: (done, total) => {
      context.progress({ phase: "verify", done, total, unit: "layers" });
    },
  };
}
