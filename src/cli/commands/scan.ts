import type { ScanResult } from "../../api/scan.ts";
import { optionalChoice, requiredString } from "../arguments.ts";
import type { Command } from "../command.ts";
import { SCAN_FORMATS } from "../../options/choices.ts";
import { packageVersion } from "../../session/package-version.ts";

export const scan: Command = {
  usage: "scan <file>",
  summary: "list every name that loading a file in Python would import",
  examples: [
    ["$0 scan pytorch_model.bin", "exit 0 when all are harmless; 5 when one is not"],
    ["$0 scan downloads/some-model", "every file of a folder"],
    ["$0 scan model.pt --format sarif > scan.sarif", "for code scanning"],
  ],
  options: (argv) =>
    argv
      .positional("file", {
        type: "string",
        demandOption: true,
        describe:
          "a file of weights, an index, or a folder; also https://… and hf:org/name@revision",
      })
      .option("format", { choices: SCAN_FORMATS, describe: "sarif prints SARIF 2.1.0" }),
  run: async (args, context) => {
    const { scan: run } = await import("../../api/scan.ts");
    const { renderSarif } = await import("../../api/render-sarif.ts");
    const result = await run(requiredString(args, "file"), { signal: context.signal });
    for (const note of result.notes) context.note(note);
    const isSarif = optionalChoice(args, "format", SCAN_FORMATS) === "sarif";
    return {
      ok: result.verdict === "safe",
      exitCode: 5,
      json: { ...result },
      text: isSarif ? renderSarif(result, packageVersion(), process.cwd()) : render(result),
    };
  },
};

/** The globals, each once with the number of times it is named, those not allowed first. */
function render({ verdict, globals, reasons, files }: ScanResult): string {
  const counts = new Map<
    string,
    { allowed: boolean; offset: number; file: string; count: number }
  >();
  for (const { module, name, allowed, offset, file } of globals) {
    const key = `${module}.${name}`;
    const known = counts.get(key);
    if (known === undefined) counts.set(key, { allowed, offset, file, count: 1 });
    else known.count++;
  }
  const rows = [...counts].sort(
    ([, left], [, right]) => Number(left.allowed) - Number(right.allowed),
  );
  return [
    ...rows.map(([name, { allowed, offset, file, count }]) =>
      allowed
        ? `allowed  ${name} ×${count}`
        : `UNSAFE   ${name} ×${count}, first in ${file} at byte ${offset}`,
    ),
    ...reasons.map(({ code, message }) => `UNSAFE   ${code} ${message}`),
    `${verdict}: ${files.length} file${files.length === 1 ? "" : "s"}, ${globals.length} globals named; nothing was run`,
  ].join("\n");
}
