import {
  describeSharedOptions,
  type CommandDescription,
  type ParameterDescription,
} from "./describe.ts";
import { environmentName } from "./settings.ts";

/** One page of section 1 of the manual. */
export interface ManPage {
  /** "weighbridge-convert.1". */
  readonly fileName: string;
  readonly text: string;
}

const EXIT_CODES: readonly (readonly [code: string, meaning: string])[] = [
  ["0", "done; compared and agrees"],
  ["1", "compared and differs, or nothing was compared"],
  ["2", "usage"],
  ["3", "input missing, truncated or corrupt"],
  ["4", "valid but unsupported"],
  ["5", "unsafe input refused"],
  ["6", "environment: no GPU, disk full, not enough memory"],
  ["70", "a bug of weighbridge"],
  ["130", "interrupted"],
];

/** All pages: one of the program, one of each command. */
export function manPages(
  commands: readonly CommandDescription[],
  version: string,
): readonly ManPage[] {
  return [
    { fileName: "weighbridge.1", text: programPage(commands, version) },
    ...commands.map((command) => ({
      fileName: `weighbridge-${command.name}.1`,
      text: commandPage(command, version),
    })),
  ];
}

function programPage(commands: readonly CommandDescription[], version: string): string {
  return page("weighbridge", version, [
    [
      "NAME",
      ["weighbridge \\- convert model weights, run them, and prove that they still mean the same"],
    ],
    ["SYNOPSIS", [".B weighbridge", ".I command", "[options]"]],
    [
      "COMMANDS",
      commands.flatMap(({ name, summary }) => [
        ".TP",
        `.BR weighbridge\\-${name} (1)`,
        roff(summary),
      ]),
    ],
    ["OPTIONS", describeSharedOptions().flatMap(optionLines)],
    ["EXIT STATUS", EXIT_CODES.flatMap(([code, meaning]) => [".TP", `.B ${code}`, roff(meaning)])],
    [
      "FILES",
      [
        ".TP",
        ".B weighbridge.config.json",
        "options by name, and under a command's name those of that command alone; WEIGHBRIDGE_CONFIG names another file; never read in or below the folder of a model",
      ],
    ],
  ]);
}

function commandPage(command: CommandDescription, version: string): string {
  const { name, usage, summary, positionals, options, examples } = command;
  return page(`weighbridge-${name}`, version, [
    ["NAME", [`weighbridge\\-${name} \\- ${roff(summary)}`]],
    ["SYNOPSIS", [`.B weighbridge ${roff(usage)}`, "[options]"]],
    ...(positionals.length === 0
      ? []
      : [["ARGUMENTS", positionals.flatMap(argumentLines)] as const]),
    ["OPTIONS", [...options, ...describeSharedOptions()].flatMap(optionLines)],
    [
      "EXAMPLES",
      examples.flatMap(([line, description]) => [
        ".TP",
        `.B ${roff(line.replaceAll("$0", "weighbridge"))}`,
        roff(description),
      ]),
    ],
    [
      "ENVIRONMENT",
      [
        roff(
          `An option that is not given is taken from its variable, such as ${environmentName(options[0]?.name ?? "device")}, then from weighbridge.config.json.`,
        ),
      ],
    ],
    ["SEE ALSO", [".BR weighbridge (1)"]],
  ]);
}

function argumentLines({ name, summary, values }: ParameterDescription): readonly string[] {
  return [".TP", `.I ${roff(name)}`, roff(withValues(summary, values))];
}

function optionLines(option: ParameterDescription): readonly string[] {
  const { name, kind, summary, values, isOnByDefault } = option;
  const word = roff(isOnByDefault ? `--no-${name}` : `--${name}`);
  const value = kind === "boolean" ? "" : kind === "number" ? " NUMBER" : " VALUE";
  const text = isOnByDefault ? `do not: ${summary}` : withValues(summary, values);
  return [".TP", `.B ${word}${value}`, roff(text)];
}

/** Values that a sentence lists at most. */
const LISTED_VALUES = 20;

/** The values, unless the sentence itself names them all. */
function withValues(summary: string, values: readonly string[]): string {
  const isSaid = values.every((value) => summary.includes(value));
  // All error codes, which completion offers, would be a page.
  return isSaid || values.length > LISTED_VALUES ? summary : `${summary} (${values.join(", ")})`;
}

function page(
  name: string,
  version: string,
  sections: readonly (readonly [title: string, lines: readonly string[]])[],
): string {
  const body = sections.flatMap(([title, lines]) => [`.SH ${title}`, ...lines]);
  return [
    `.TH ${name.toUpperCase().replaceAll("-", "\\-")} 1 "" "weighbridge ${version}"`,
    ...body,
    "",
  ].join("\n");
}

function hex(character: string): string {
  return (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
}

/** Text as roff takes it: dashes stay dashes, other scripts get through, and no line begins with a request. */
function roff(text: string): string {
  const escaped = text
    .replaceAll("\\", String.raw`\e`)
    .replaceAll("-", String.raw`\-`)
    .replaceAll(/\P{ASCII}/gu, (character) => String.raw`\[u${hex(character)}]`);
  return /^[.']/.test(escaped) ? String.raw`\&${escaped}` : escaped;
}
