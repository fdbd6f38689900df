import type { Argv } from "yargs";

/** The options that every command has. */
export function withSharedOptions(argv: Argv): Argv {
  return argv
    .option("json", { type: "boolean", describe: "print one JSON document" })
    .option("quiet", { type: "boolean", describe: "print nothing but the result" })
    .option("verbose", {
      type: "boolean",
      describe: "print details, and where an error came from",
    });
}
