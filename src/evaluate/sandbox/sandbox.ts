import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { WbError } from "../../errors/wb-error.ts";

/** What a program of a sandbox came to. */
export interface SandboxRun {
  /** Null where it was killed. */
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs Python programs without network, files or time. */
export interface Sandbox {
  /** @param program Is given on standard input. */
  run(program: string, seconds: number): Promise<SandboxRun>;
}

/** Bytes of memory, and of output that is kept. */
const MEMORY = 4 * 2 ** 30;
const OUTPUT = 2 ** 16;

/** Folders of the system that Python needs, read-only; those that are not there are left out. */
const SYSTEM = ["/usr", "/bin", "/lib", "/lib64"];

/** Places that a program must not see. */
const HIDDEN = ["/etc", "/var", "/sys", join(homedir(), ".ssh"), join(homedir(), ".config")];

/** Says so where the program sees a network or the user's files, which the sandbox must not have. */
const PROBE = `import os, socket, sys
seen = [name for _, name in socket.if_nameindex() if name != "lo"]
seen += [path for path in sys.argv[1:] if os.path.isdir(path) and os.listdir(path)]
print("seen: " + ", ".join(seen) if seen else "closed")
`;

/**
 * Opens bubblewrap's sandbox around a Python of this machine, and tries that it is closed.
 * @throws WbError WB6921 naming what is missing.
 */
export async function openSandbox(): Promise<Sandbox> {
  const bwrap = found("bwrap");
  if (bwrap === undefined) throw missing("bubblewrap (bwrap) is not on the PATH");
  const python = found("python3");
  if (python === undefined) throw missing("python3 is not on the PATH");
  const facts = await started(python, ["-I", "-c", WHERE], "", 10);
  const [executable = "", prefix = ""] = facts.stdout.trim().split("\n");
  if (facts.status !== 0 || prefix === "") throw missing(`${python} does not run`);
  const sandbox: Sandbox = {
    run: (program, seconds) =>
      started(bwrap, sandboxArguments(executable, prefix, ["-"]), program, seconds),
  };
  const probe = await started(
    bwrap,
    sandboxArguments(executable, prefix, ["-", ...HIDDEN]),
    PROBE,
    10,
  );
  if (probe.stdout.trim() === "closed") return sandbox;
  throw missing(
    `bubblewrap made no closed sandbox: ${(probe.stdout + probe.stderr).trim().slice(0, 200)}`,
  );
}

/** The interpreter itself, past wrappers that choose one. */
const WHERE = "import sys; print(sys.executable); print(sys.base_prefix)";

/** Bubblewrap's: new namespaces for all there is, a root of nothing but what Python needs, and limits for what is left. */
export function sandboxArguments(
  executable: string,
  prefix: string,
  rest: readonly string[],
): readonly string[] {
  const shown = [...SYSTEM, ...(prefix.startsWith("/usr") ? [] : [prefix])];
  // One a call: dash takes no more, and a limit that cannot be set must end it.
  const limits = `ulimit -v ${MEMORY / 1024} && ulimit -f 0 && ulimit -c 0 && ulimit -t 60`;
  const places = shown.flatMap((path) => (existsSync(path) ? ["--ro-bind", path, path] : []));
  return [
    "--unshare-all",
    "--die-with-parent",
    "--new-session",
    "--clearenv",
    ...places,
    "--proc",
    "/proc",
    "--dev",
    "/dev",
    "--tmpfs",
    "/tmp",
    "--chdir",
    "/tmp",
    "--cap-drop",
    "ALL",
    "/bin/sh",
    "-c",
    `${limits} && exec "$@"`,
    "sh",
    executable,
    "-I",
    "-S",
    "-B",
    ...rest,
  ];
}

/** A program of the PATH. */
function found(name: string): string | undefined {
  const folders = (process.env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

function missing(what: string): WbError {
  return new WbError("WB6921", `--execute: ${what}`, { details: { missing: what } });
}

function started(
  program: string,
  args: readonly string[],
  input: string,
  seconds: number,
): Promise<SandboxRun> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"] });
    const said = { stdout: "", stderr: "" };
    // Killed from outside, bubblewrap takes all that runs in it along.
    const timer = setTimeout(() => child.kill("SIGKILL"), seconds * 1000);
    for (const stream of ["stdout", "stderr"] as const)
      child[stream].setEncoding("utf8").on("data", (text: string) => {
        said[stream] = (said[stream] + text).slice(0, OUTPUT);
      });
    // A program may end before it has read all.
    child.stdin.on("error", () => undefined);
    child.on("error", (error) => {
      clearTimeout(timer);
      resolve({ status: null, stdout: "", stderr: error.message });
    });
    child.on("close", (status) => {
      clearTimeout(timer);
      resolve({ status, ...said });
    });
    child.stdin.end(input);
  });
}
