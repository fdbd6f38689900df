import type { Argv } from "yargs";

/** The options that every command has. */
export function withSharedOptions(argv: Argv): Argv {
  return argv
    .option("json", { type: "boolean", describe: "print one JSON document" })
    .option("lang", {
      type: "string",
      describe: "language of messages and help: en or zh (told from LANG)",
    })
    .option("quiet", { type: "boolean", describe: "print nothing but the result" })
    .option("verbose", {
      type: "boolean",
      describe: "print details, and where an error came from",
    });
}
