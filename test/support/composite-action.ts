import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { isRecord } from "./is-record.ts";

/** What a job sees of a composite action that ran. */
export interface ActionRun {
  readonly status: number;
  readonly outputs: Readonly<Record<string, string>>;
  readonly summary: string;
  readonly log: string;
  /** Steps that use other actions, which only GitHub can run. */
  readonly used: readonly string[];
}

export interface ActionPlace {
  /** The action's own checkout. */
  readonly action: string;
  /** The user's repository, where steps run. */
  readonly workspace: string;
  readonly runnerTemp: string;
  /** Put before the search path, for stand-ins. */
  readonly programs?: string;
  /** What the runner's own environment has, such as how its npm reaches packages; a home and a search path alone when left out. */
  readonly environment?: Readonly<NodeJS.ProcessEnv>;
}

const STEP_KEYS = new Set(["env", "id", "run", "shell", "uses", "with", "working-directory"]);
const STOPS = "bash --noprofile --norc -eo pipefail";

/**
 * Runs a composite action as GitHub's runner does: expressions are put in, each step is a script of its shell, outputs and the
 * summary are files; a step that fails ends the action. (GitHub's documentation: metadata syntax, workflow commands.)
 */
export function runAction(place: ActionPlace, given: Readonly<Record<string, string>>): ActionRun {
  const action = object(parse(readFileSync(join(place.action, "action.yml"), "utf8")));
  const context = new Map<string, string>([["github.action_path", place.action]]);
  const inputs = object(action["inputs"]);
  for (const name of Object.keys(given)) {
    if (!(name in inputs)) throw new Error(`no input ${name}`);
  }
  for (const [name, declared] of Object.entries(inputs))
    context.set(`inputs.${name}`, given[name] ?? text(object(declared)["default"] ?? ""));
  const runs = object(action["runs"]);
  if (runs["using"] !== "composite" || !Array.isArray(runs["steps"])) throw new Error("no steps");
  const used: string[] = [];
  let log = "";
  let summary = "";
  let status = 0;
  for (const step of runs["steps"].map(object)) {
    const strange = Object.keys(step).filter((key) => !STEP_KEYS.has(key));
    if (strange.length > 0) throw new Error(`unknown keys: ${strange.join(", ")}`);
    if (step["uses"] !== undefined) {
      used.push(text(step["uses"]));
      continue;
    }
    if (status !== 0) continue;
    const ran = runStep(step, context, place);
    log += ran.log;
    summary += ran.summary;
    status = ran.status;
    for (const [name, value] of ran.outputs)
      context.set(`steps.${text(step["id"])}.outputs.${name}`, value);
  }
  const outputs = Object.entries(object(action["outputs"])).map(
    ([name, declared]) => [name, filled(text(object(declared)["value"]), context)] as const,
  );
  return { status, outputs: Object.fromEntries(outputs), summary, log, used };
}

function runStep(
  step: Readonly<Record<string, unknown>>,
  context: ReadonlyMap<string, string>,
  { workspace, runnerTemp, action, programs, environment }: ActionPlace,
): { status: number; log: string; summary: string; outputs: ReadonlyMap<string, string> } {
  if (step["shell"] !== "bash") throw new Error("a step of a composite action needs its shell");
  const commands = join(runnerTemp, "_runner_file_commands");
  mkdirSync(commands, { recursive: true });
  const [script, output, summary] = ["script.sh", "output", "summary"].map((name) =>
    join(commands, name),
  );
  if (script === undefined || output === undefined || summary === undefined) throw new Error("?");
  // GitHub puts the expressions in as text: a script with an input in it would be an injection.
  if (/\$\{\{\s*inputs/.test(text(step["run"]))) throw new Error("an input inside a script");
  writeFileSync(script, text(step["run"]));
  for (const path of [output, summary]) writeFileSync(path, "");
  const own = Object.entries(object(step["env"] ?? {})).map(
    ([name, value]) => [name, filled(text(value), context)] as const,
  );
  const [shell = "", ...flags] = STOPS.split(" ");
  const { status, stdout, stderr } = spawnSync(shell, [...flags, script], {
    cwd: filled(text(step["working-directory"] ?? workspace), context),
    encoding: "utf8",
    env: {
      HOME: runnerTemp,
      ...environment,
      PATH: `${programs === undefined ? "" : `${programs}:`}${process.env["PATH"] ?? ""}`,
      CI: "true",
      GITHUB_ACTIONS: "true",
      GITHUB_ACTION_PATH: action,
      GITHUB_WORKSPACE: workspace,
      GITHUB_OUTPUT: output,
      GITHUB_STEP_SUMMARY: summary,
      RUNNER_TEMP: runnerTemp,
      ...Object.fromEntries(own),
    },
  });
  return {
    status: status ?? -1,
    log: stdout + stderr,
    summary: existsSync(summary) ? readFileSync(summary, "utf8") : "",
    outputs: readOutputs(readFileSync(output, "utf8")),
  };
}

/** Lines "name=value", and "name<<END" with its value until the line END. */
function readOutputs(written: string): ReadonlyMap<string, string> {
  const outputs = new Map<string, string>();
  const lines = written.split("\n").values();
  for (const line of lines) {
    const [, name, end] = /^([\w-]+)<<(.+)$/.exec(line) ?? [];
    if (name === undefined || end === undefined) {
      const at = line.indexOf("=");
      if (at > 0) outputs.set(line.slice(0, at), line.slice(at + 1));
      continue;
    }
    const value: string[] = [];
    for (const next of lines) {
      if (next === end) break;
      value.push(next);
    }
    outputs.set(name, value.join("\n"));
  }
  return outputs;
}

/** A text with its expressions replaced; one that is not known is empty, as GitHub has it. */
function filled(template: string, context: ReadonlyMap<string, string>): string {
  return template.replaceAll(
    /\$\{\{\s*([\w.-]+)\s*\}\}/g,
    (_all, name: string) => context.get(name) ?? "",
  );
}

function text(value: unknown): string {
  if (typeof value === "string") return value;
  throw new Error(`expected a text: ${JSON.stringify(value)}`);
}

function object(value: unknown): Readonly<Record<string, unknown>> {
  if (!isRecord(value)) throw new Error(`expected an object: ${JSON.stringify(value)}`);
  return value;
}
