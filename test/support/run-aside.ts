import { execFile } from "node:child_process";

/** Runs a program while this process goes on, as a client of a server here must. @returns its standard output. */
export async function runAside(
  program: string,
  args: readonly string[],
  input: string,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, PYTHONNOUSERSITE: "1", NO_PROXY: "127.0.0.1" };
    const child = execFile(program, args, { env, maxBuffer: 2 ** 26 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`${program} failed:\n${stderr}`));
    });
    child.stdin?.end(input);
  });
}
