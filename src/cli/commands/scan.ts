import type { ScanResult } from "../../api/scan.ts";
import type { ScannedGlobal } from "../../scan/findings.ts";
import type { FileState } from "../../scan/judgement.ts";
import { optionalChoice, requiredString } from "../arguments.ts";
import type { Command } from "../command.ts";
import { SCAN_FORMATS } from "../../options/choices.ts";
import { shownText } from "../../tensor/shown-name.ts";
import { packageVersion } from "../../session/package-version.ts";

export const scan: Command = {
  usage: "scan <file>",
  summary: "say of every file what loading it in Python would import",
  examples: [
    ["$0 scan pytorch_model.bin", "exit 0 when all is harmless, 5 when not, 4 when not understood"],
    ["$0 scan downloads/some-model", "every file of a folder and below it"],
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
      .option("allow-unexamined", {
        type: "boolean",
        describe: "exit 0 although some files were not understood, when nothing is unsafe",
      })
      .option("format", { choices: SCAN_FORMATS, describe: "sarif prints SARIF 2.1.0" }),
  run: async (args, context) => {
    const { scan: run } = await import("../../api/scan.ts");
    const { renderSarif } = await import("../../api/render-sarif.ts");
    const result = await run(requiredString(args, "file"), { signal: context.signal });
    const isSarif = optionalChoice(args, "format", SCAN_FORMATS) === "sarif";
    const isAccepted = result.verdict === "incomplete" && args["allow-unexamined"] === true;
    return {
      ok: result.verdict === "safe" || isAccepted,
      exitCode: result.verdict === "unsafe" ? 5 : 4,
      json: { ...result },
      text: isSarif
        ? renderSarif(result, packageVersion(), process.cwd())
        : context.speech.text(render(result)),
    };
  },
};

/** The globals, each once with the number of times it is named, those not allowed first; then what was not understood. */
function render({ verdict, globals, reasons, files }: ScanResult): string {
  const counts = new Map<string, { first: ScannedGlobal; count: number }>();
  for (const global of globals) {
    const key = `${global.module}.${global.name}`;
    const known = counts.get(key);
    if (known === undefined) counts.set(key, { first: global, count: 1 });
    else known.count++;
  }
  const rows = [...counts].sort(([, left], [, right]) => rank(left.first) - rank(right.first));
  const lines = [
    ...rows.map(([name, { first, count }]) =>
      first.allowed
        ? `allowed  ${name} ×${count}`
        : first.library === true
          ? `UNKNOWN  ${name} ×${count}, first in ${placeOf(first)} at byte ${first.offset}`
          : `UNSAFE   ${name} ×${count}, first in ${placeOf(first)} at byte ${first.offset}`,
    ),
    ...reasons.map(({ code, message }) => `UNSAFE   ${code} ${message}`),
    ...files
      .filter(({ state }) => state === "not-understood")
      .map(({ file, why }) => `UNKNOWN  ${file}: ${why}`),
    `${verdict}: ${countsOf(files)}, ${globals.length} globals named; nothing was run`,
  ];
  // Files and globals have the names that strangers gave them: none may look like a verdict of ours.
  return lines.map(shownText).join("\n");
}

/** Unsafe names first. */
function rank({ allowed, library }: ScannedGlobal): number {
  return allowed ? 2 : Number(library === true);
}

const placeOf = ({ file, member }: ScannedGlobal): string =>
  member === undefined ? file : `${member} of ${file}`;

/** "3 files: 2 examined, 1 harmless by its kind, 0 not understood". */
function countsOf(files: ScanResult["files"]): string {
  const count = (state: FileState): number => files.filter((file) => file.state === state).length;
  return `${files.length} file${files.length === 1 ? "" : "s"}: ${count("examined")} examined, ${count("harmless")} harmless by kind, ${count("not-understood")} not understood`;
}
