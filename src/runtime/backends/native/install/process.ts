import { spawn } from "node:child_process";

export interface ProcessResult {
  /** Exit code; undefined when a signal ended it or it could not be started. */
  readonly code: number | undefined;
  /** Both streams, the last part of them. */
  readonly output: string;
  /** The system's reason when it could not be started: "ENOENT", … */
  readonly startFailure: string | undefined;
}

/** Characters of a program's output that are kept, from the end. */
const KEPT_OUTPUT = 8192;

export interface ProcessOptions {
  readonly cwd?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
  /** Each piece of output as it comes. */
  readonly onOutput?: ((text: string) => void) | undefined;
}

/** Runs a program to its end without a shell. @throws the signal's reason when it is aborted; the program is then killed. */
export async function runProcess(
  program: string,
  args: readonly string[],
  options: ProcessOptions = {},
): Promise<ProcessResult> {
  options.signal?.throwIfAborted();
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const stop = (): void => {
    child.kill("SIGTERM");
  };
  options.signal?.addEventListener("abort", stop, { once: true });
  let output = "";
  const collect = (piece: Buffer): void => {
    const text = piece.toString("utf8");
    output = (output + text).slice(-KEPT_OUTPUT);
    options.onOutput?.(text);
  };
  child.stdout.on("data", collect);
  child.stderr.on("data", collect);
  const result = await new Promise<ProcessResult>((resolve) => {
    child.once("error", (error: NodeJS.ErrnoException) => {
      resolve({ code: undefined, output, startFailure: error.code ?? error.message });
    });
    child.once("close", (code) => {
      resolve({ code: code ?? undefined, output, startFailure: undefined });
    });
  });
  options.signal?.removeEventListener("abort", stop);
  options.signal?.throwIfAborted();
  return result;
}

/** The last lines of a program's output, for a message. */
export function lastLines(output: string, count: number): string {
  return output.trimEnd().split("\n").slice(-count).join("\n");
}
