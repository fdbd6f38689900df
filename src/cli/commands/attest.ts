import { optionalString, requiredString } from "../arguments.ts";
import type { Command } from "../command.ts";

export const attest: Command = {
  usage: "attest <report>",
  summary:
    "write the verdict of verify --json as an in-toto statement, for a signer of your choice",
  examples: [
    [
      "$0 attest verify.json",
      "what `verify --json > verify.json` printed, as a statement on stdout",
    ],
    ["$0 attest verify.json --out verdict.intoto.json", "the statement as a file, for a signer"],
    [
      "$0 attest verify.json --out verdict.intoto.json --json",
      "the same, and the statement as JSON",
    ],
  ],
  options: (argv) =>
    argv
      .positional("report", {
        type: "string",
        demandOption: true,
        describe: "the document that verify --json printed",
      })
      .option("out", { type: "string", describe: "a file for the statement; else it is printed" }),
  run: async (args, context) => {
    const { attest: run } = await import("../../verify/report/attest.ts");
    const statement = await run(requiredString(args, "report"), context.signal);
    const out = optionalString(args, "out");
    const text = JSON.stringify(statement, undefined, 2);
    if (out !== undefined) {
      const { writeWhole } = await import("../../sources/write-whole.ts");
      await writeWhole(out, `${text}\n`);
    }
    const { result } = statement.predicate;
    return {
      ok: true,
      json: { statement, ...(out === undefined ? {} : { path: out }) },
      text: out === undefined ? text : `${out}: ${result}, not signed`,
    };
  },
};
