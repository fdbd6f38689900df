import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { alone } from "./alone.ts";
import { PYTHON } from "./python.ts";

const ROOT = join(import.meta.dirname, "../..");

/** Where a program runs, and what it finds in its environment beside this process's own. */
export interface Surroundings {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs a program to its end. @returns its standard output. */
export function run(
  program: string,
  args: readonly string[],
  input = "",
  { cwd, env = {} }: Surroundings = {},
): string {
  const { status, stdout, stderr } = spawnSync(program, args, {
    input,
    ...(cwd === undefined ? {} : { cwd }),
    encoding: "utf8",
    maxBuffer: 2 ** 28,
    env: {
      ...process.env,
      PYTHONNOUSERSITE: "1",
      NO_PROXY: "127.0.0.1",
      HF_HUB_OFFLINE: "1",
      ...env,
    },
  });
  if (status !== 0)
    throw new Error(`${program} ${args.join(" ")} ended with ${status}:\n${stderr}`);
  return stdout;
}

/**
 * An environment of Python apart from `.venv`, made once for each list of its packages.
 * @param name Names its folder and `scripts/requirements-NAME.txt`. @returns its interpreter.
 */
export function ownEnvironment(name: string): string {
  const requirements = join(ROOT, `scripts/requirements-${name}.txt`);
  const folder = join(ROOT, ".scratch", name);
  const python = join(folder, "bin/python");
  const wanted = readFileSync(requirements, "utf8");
  const note = join(folder, "made-of.txt");
  return alone(name, () => {
    if (existsSync(note) && readFileSync(note, "utf8") === wanted) return python;
    mkdirSync(folder, { recursive: true });
    run(PYTHON, ["-m", "venv", "--clear", folder]);
    const list = ["--require-hashes", "--no-deps", "--requirement", requirements];
    run(python, ["-m", "pip", "install", "--quiet", ...list]);
    writeFileSync(note, wanted);
    return python;
  });
}

/** What a script of scripts/ fetched or made, once for all tests. @returns the path that it prints. */
export function madeBy(script: string): string {
  return alone(script, () => run(process.execPath, [join(ROOT, "scripts", script)])).trim();
}
