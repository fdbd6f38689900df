import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { alone } from "./alone.ts";

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
  return madeBy("own-environment.mjs", name);
}

/** What a script of scripts/ fetched or made, once for all tests. @returns the path that it prints. */
export function madeBy(script: string, ...args: readonly string[]): string {
  return alone([script, ...args].join("-"), () =>
    run(process.execPath, [join(ROOT, "scripts", script), ...args]),
  ).trim();
}
