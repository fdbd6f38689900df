import { WbError } from "../errors/wb-error.ts";
import {
  describeSharedOptions,
  type CommandDescription,
  type ParameterDescription,
} from "./describe.ts";

/** A script that needs nothing but the shell: completing starts no Node. @throws WbError WB2001 for an unknown shell. */
export function completionScript(shell: string, commands: readonly CommandDescription[]): string {
  const shared = describeSharedOptions();
  switch (shell) {
    case "bash":
      return bash(commands, shared);
    case "zsh":
      return zsh(commands, shared);
    case "fish":
      return fish(commands, shared);
    default:
      throw new WbError("WB2001", `completion: expected bash, zsh or fish, found ${shell}`, {
        details: { option: "shell", expected: "bash, zsh or fish", found: shell },
      });
  }
}

/** The words of an option: its negation too, where it is on unless told otherwise. */
function spellings({ name, isOnByDefault }: ParameterDescription): readonly string[] {
  return isOnByDefault ? [`--no-${name}`] : [`--${name}`];
}

type Commands = readonly CommandDescription[];
type Parameters = readonly ParameterDescription[];

function bash(commands: Commands, shared: Parameters): string {
  const valued = commands.flatMap(({ name, options }) =>
    options
      .filter(({ kind }) => kind !== "boolean")
      .map((option) => ({ key: `${name} --${option.name}`, values: option.values })),
  );
  const chosen = valued.filter(({ values }) => values.length > 0);
  const free = valued.filter(({ values }) => values.length === 0);
  const cases = commands.map(({ name, options, positionals }) => {
    const words = [...options, ...shared].flatMap(spellings);
    const first = positionals[0]?.values ?? [];
    return `    ${name}) options="${words.join(" ")}"; first="${first.join(" ")}" ;;`;
  });
  return `# bash completion for weighbridge
_weighbridge() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}"
  local command="\${COMP_WORDS[1]}" options="" first=""
  COMPREPLY=()
  if [[ $COMP_CWORD -eq 1 ]]; then
    COMPREPLY=($(compgen -W "${commands.map(({ name }) => name).join(" ")} --help --version" -- "$current"))
    return
  fi
  case "$command $previous" in
${chosen.map(({ key, values }) => `    "${key}") COMPREPLY=($(compgen -W "${values.join(" ")}" -- "$current")); return ;;`).join("\n")}
    ${free.map(({ key }) => `"${key}"`).join("|")}) COMPREPLY=($(compgen -f -- "$current")); return ;;
  esac
  case "$command" in
${cases.join("\n")}
  esac
  if [[ "$current" == -* ]]; then
    COMPREPLY=($(compgen -W "$options --help" -- "$current"))
  elif [[ -n "$first" ]]; then
    if [[ $COMP_CWORD -eq 2 ]]; then COMPREPLY=($(compgen -W "$first" -- "$current")); else COMPREPLY=($(compgen -f -- "$current")); fi
  else
    COMPREPLY=($(compgen -f -- "$current"))
  fi
}
complete -o filenames -F _weighbridge weighbridge
`;
}

/** Text inside single quotes of a shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** Brackets and colons end a part of a specification. */
function plain(text: string): string {
  return text.replaceAll(/[[\]:\\]/g, String.raw`\$&`);
}

function argument({ kind, values, name }: ParameterDescription): string {
  if (kind === "boolean") return "";
  return values.length > 0 ? `:${name}:(${values.join(" ")})` : `:${name}:_files`;
}

function zsh(commands: Commands, shared: Parameters): string {
  const branch = ({ name, options, positionals }: CommandDescription): string => {
    const specifications = [
      ...[...options, ...shared].flatMap((option) =>
        spellings(option).map((word) => `${word}[${plain(option.summary)}]${argument(option)}`),
      ),
      ...positionals.map((positional, index) => `${index + 1}${argument(positional)}`),
    ];
    return `    ${name}) _arguments ${specifications.map(quoted).join(" \\\n      ")} ;;`;
  };
  return `#compdef weighbridge
_weighbridge() {
  local -a commands
  commands=(
${commands.map(({ name, summary }) => `    ${quoted(`${name}:${plain(summary)}`)}`).join("\n")}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command="\${words[2]}"
  shift words
  (( CURRENT-- ))
  case "$command" in
${commands.map(branch).join("\n")}
  esac
}
_weighbridge "$@"
`;
}

function fish(commands: Commands, shared: Parameters): string {
  const lines = ["# fish completion for weighbridge", "complete -c weighbridge -e"];
  for (const { name, summary, options, positionals } of commands) {
    lines.push(
      `complete -c weighbridge -f -n __fish_use_subcommand -a ${name} -d ${quoted(summary)}`,
    );
    const condition = `-n '__fish_seen_subcommand_from ${name}'`;
    for (const option of [...options, ...shared]) {
      const [word = ""] = spellings(option);
      const values = option.values.length > 0 ? ` -f -a ${quoted(option.values.join(" "))}` : "";
      const takes = option.kind === "boolean" ? "" : " -r";
      lines.push(
        `complete -c weighbridge ${condition} -l ${word.slice(2)}${takes}${values} -d ${quoted(option.summary)}`,
      );
    }
    const first = positionals[0]?.values ?? [];
    if (first.length > 0) {
      lines.push(`complete -c weighbridge ${condition} -f -a ${quoted(first.join(" "))}`);
    }
  }
  return `${lines.join("\n")}\n`;
}
