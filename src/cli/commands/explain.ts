import type { Explanation } from "../../api/explain.ts";
import { optionalString } from "../arguments.ts";
import type { Command } from "../command.ts";
import { exitCodeOf } from "../exit-codes.ts";
import type { Speech } from "../language/speech.ts";

export const explain: Command = {
  usage: "explain [code]",
  summary: "say what an error code means and what to do",
  examples: [
    ["$0 explain WB3702", "one code"],
    ["$0 explain", "all codes, one a line"],
    ["$0 explain --json", "all codes with their exit codes, for programs"],
  ],
  options: (argv) => argv.positional("code", { type: "string", describe: "such as WB3702" }),
  run: async (args, { speech }) => {
    const { explain: explainOne, explainAll } = await import("../../api/explain.ts");
    const code = optionalString(args, "code");
    const found = code === undefined ? explainAll() : [explainOne(code)];
    return {
      ok: true,
      json: { codes: found.map((entry) => ({ ...entry, exitCode: exitCodeOf(entry.code) })) },
      text:
        code === undefined
          ? found.map((entry) => `${entry.code}  ${speech.wording(entry.code).title}`).join("\n")
          : found.map((entry) => render(entry, speech)).join("\n"),
    };
  },
};

function render({ code, details }: Explanation, speech: Speech): string {
  const { title, meaning, remedy } = speech.wording(code);
  const fields = Object.entries(details).map(([name, type]) => `${name}: ${type}`);
  const forPrograms = fields.length === 0 ? [] : [speech.text(`details ${fields.join(", ")}`)];
  const lines = [
    `${code}: ${title}`,
    "",
    meaning,
    "",
    remedy,
    "",
    speech.text(`exit code ${exitCodeOf(code)}`),
  ];
  return [...lines, ...forPrograms].join("\n");
}
