import { optionalString, requiredString } from "../arguments.ts";
import type { Command } from "../command.ts";
import { IMATRIX_OPTION } from "../imatrix-option.ts";
import { diagnosisJson } from "../render-diagnosis.ts";
import { renderProof } from "../render-proof.ts";

export const prove: Command = {
  usage: "prove <model> <original>",
  summary: "prove that a quantised GGUF file was made from its original, block by block",
  examples: [
    ["$0 prove model.gguf original", "every block that the original does not explain is named"],
    [
      "$0 prove model.gguf original --bytes",
      "every block that can be made again has the very bytes",
    ],
    [
      "$0 prove model.gguf original --imatrix imatrix.gguf",
      "bytes are compared of what an importance matrix chose, too",
    ],
    [
      "$0 prove model.gguf original --statement proof.intoto.json",
      "the verdict as an in-toto statement over both digests",
    ],
  ],
  options: (argv) =>
    argv
      .positional("model", { type: "string", describe: "the quantised GGUF file" })
      .positional("original", {
        type: "string",
        describe: "the model that it was made from, in any format",
      })
      .option("bytes", {
        type: "boolean",
        describe: "fail where a block is explained by rounding alone, though it can be made again",
      })
      .option("imatrix", IMATRIX_OPTION)
      .option("statement", { type: "string", describe: "a file for the in-toto statement" }),
  run: async (args, context) => {
    const { prove: run } = await import("../../verify/prove.ts");
    const result = await run(requiredString(args, "model"), requiredString(args, "original"), {
      bytes: args["bytes"] === true,
      imatrix: optionalString(args, "imatrix"),
      signal: context.signal,
      onProgress: (done, total, item) => {
        context.progress({ phase: "prove", done, total, unit: "bytes", item });
      },
    });
    for (const note of result.notes) context.note(note);
    const path = optionalString(args, "statement");
    const { inputs: _inputs, notes, diagnosis, ...facts } = result;
    const json = { ...facts, diagnosis: diagnosisJson(diagnosis), notes };
    const ok = result.verdict === "pass";
    if (!context.json && path === undefined)
      return { ok, json, text: context.speech.text(renderProof(result)) };
    const { evidenceOf } = await import("../../verify/report/evidence.ts");
    const { proofStatement } = await import("../../verify/report/proof-statement.ts");
    const evidence = await evidenceOf(result, context.signal);
    if (path !== undefined) {
      const { writeWhole } = await import("../../sources/write-whole.ts");
      const statement = proofStatement(result, evidence);
      await writeWhole(path, `${JSON.stringify(statement, undefined, 2)}\n`);
    }
    return {
      ok,
      json: { ...json, evidence, ...(path === undefined ? {} : { statement: path }) },
      text: context.speech.text(
        [renderProof(result), ...(path === undefined ? [] : [`${path}: not signed`])].join("\n"),
      ),
    };
  },
};
