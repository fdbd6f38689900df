/** A check that an option makes weaker, in the user's spelling and in one sentence. */
export interface Weakened {
  /** "--force" or "--no-verify". */
  readonly option: string;
  /** What is no longer checked. */
  readonly effect: string;
}

/** An option that gives up a check, or opens a door. */
interface WeakeningRow {
  readonly name: string;
  /** The only command where it does; every command that has the option when left out. */
  readonly command?: string;
  /** Whether a value makes the check weaker; any value when left out. */
  readonly when?: (value: unknown) => boolean;
  /** What is given up; a row without one is guarded but is no check of a result. */
  readonly effect?: string;
}

const isOn = (value: unknown): boolean => value === true;
const isOff = (value: unknown): boolean => value === false;

/**
 * The one list of options that weaken a check. They are taken from the command line alone, so that no file that came with a
 * model can set them; what they give up is printed and recorded. Limits of time and size are not here: they bound the work
 * and change no verdict.
 */
const ROWS: readonly WeakeningRow[] = [
  {
    name: "force",
    command: "convert",
    when: isOn,
    effect: "what the target folder held may be replaced",
  },
  // It builds the native library anew: work, and no check. A file must not ask for it all the same.
  { name: "force", when: isOn },
  {
    name: "verify",
    command: "convert",
    when: isOff,
    effect: "what was written is not read back from the disk",
  },
  {
    name: "allow-unexamined",
    when: isOn,
    effect: "files that nobody understood count as examined",
  },
  { name: "data-only", when: isOn, effect: "names outside the allow-list are read as plain data" },
  {
    name: "tolerance-profile",
    when: (value) => typeof value === "string" && value.toLowerCase() === "loose",
    effect: "sixteen times the usual tolerance",
  },
  { name: "drop", command: "diff", effect: "tensors with such names are not compared" },
  { name: "drop", command: "verify", effect: "tensors with such names are not compared" },
  // In a conversion it is the work itself, and told as what was dropped.
  { name: "drop" },
  { name: "max-abs", effect: "the tolerance on differences was given by hand" },
  { name: "kl", effect: "the tolerance on the KL divergence was given by hand" },
  {
    name: "calibrate",
    when: isOff,
    effect: "the tolerance is not held against the model's own noise",
  },
  { name: "weights", when: isOff, effect: "the tensors themselves are not compared" },
  {
    name: "architecture",
    command: "check",
    when: (value) => value === "none",
    effect: "names and shapes are not held against config.json",
  },
  {
    name: "max-changed",
    when: (value) => value !== 0,
    effect: "so many answers may be others beyond near-ties",
  },
  {
    name: "max-lost",
    effect: "changed answers are no failure, only more points lost than that in a task",
  },
  { name: "error-rate", effect: "how often the sequential test may err was given by hand" },
  {
    name: "skip-bad",
    when: isOn,
    effect: "rows that cannot be asked are left out of scores and comparison",
  },
  // Code that a model wrote.
  { name: "execute", when: isOn },
  // What one model is, and so no habit of a folder: "none" takes no notice of config.json.
  { name: "architecture" },
  // An address that others can reach, and the key that keeps them out.
  { name: "host" },
  { name: "api-key" },
  // Where prompts are sent, and which of the environment's secrets goes with them.
  { name: "endpoint" },
  { name: "api-key-env" },
  // Text of strangers would take effect as control tokens.
  { name: "allow-control-tokens", when: isOn },
  // Code or certificates of others.
  { name: "trust" },
  { name: "trust-remote-code" },
];

/** Options that the environment may set all the same: a key only makes a server stricter, and `ps` shows command lines. */
const FROM_ENVIRONMENT: ReadonlySet<string> = new Set(["api-key"]);

/** Whether only the command line may give an option this value. */
export function isCommandLineOnly(
  name: string,
  value: unknown,
  origin: "environment" | "file",
): boolean {
  if (origin === "environment" && FROM_ENVIRONMENT.has(name)) return false;
  return ROWS.some((row) => row.name === name && (row.when?.(value) ?? true));
}

/** Whether no value of an option may come from a file. */
export function isNeverSetting(name: string): boolean {
  return ROWS.some((row) => row.name === name && row.when === undefined);
}

/** What the options of a command line give up, in the order of the list. @param given Options by their command-line names. */
export function weakenedBy(
  command: string,
  given: Readonly<Record<string, unknown>>,
): readonly Weakened[] {
  return ROWS.flatMap(({ name, command: only, when, effect }) => {
    const value = given[name];
    const isGiven = value !== undefined && !(Array.isArray(value) && value.length === 0);
    if (effect === undefined || !isGiven) return [];
    if ((only ?? command) !== command || !(when?.(value) ?? true)) return [];
    return [{ option: spelling(name, value), effect }];
  });
}

function spelling(name: string, value: unknown): string {
  if (value === false) return `--no-${name}`;
  return value === true ? `--${name}` : `--${name} ${String(value)}`;
}
