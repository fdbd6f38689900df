// Runs one program once: wall time, and the peak memory of its whole process tree.
import { spawn } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";

const LOOK_EVERY_MS = 20;
/** Characters of output that are kept: a contender prints a line of JSON, or why it failed. */
const OUTPUT_TAIL = 200_000;
/** Nothing that is measured takes a quarter of this; what takes longer hangs, and would hold up all others. */
const LIMIT_MS = 40 * 60_000;

/** A number from /proc/PID/status, in bytes. */
const kib = (status, name) =>
  Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? 0) * 1024;

/** A process and all that it started, as far as /proc tells. */
function tree(pid) {
  const all = [];
  const waiting = [pid];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    all.push(next);
    try {
      for (const task of readdirSync(`/proc/${next}/task`)) {
        const children = readFileSync(`/proc/${next}/task/${task}/children`, "utf8");
        waiting.push(...children.split(" ").filter(Boolean).map(Number));
      }
    } catch {
      // the process ended between two looks
    }
  }
  return all;
}

/** Resident and anonymous bytes of a process tree. */
function memoryOf(pid) {
  let [resident, anonymous] = [0, 0];
  for (const one of tree(pid)) {
    try {
      const status = readFileSync(`/proc/${one}/status`, "utf8");
      resident += kib(status, "VmRSS");
      anonymous += kib(status, "RssAnon");
    } catch {
      // ended between two looks; the last one stands
    }
  }
  return { resident, anonymous };
}

function endAll(pid) {
  for (const one of tree(pid)) {
    try {
      process.kill(one, "SIGKILL");
    } catch {
      // ended by itself meanwhile
    }
  }
}

/** How something failed, in a few words for a table: no folders of this machine, no stack. */
export const brief = ({ end, code, message }) =>
  end ?? code ?? message.split("\n")[0].replaceAll(/(?<=^|[\s"'])\/\S*\//g, "");

/**
 * Runs `command` to its end. Gives seconds, peakBytes (resident, children included), anonymousBytes (what of it is not mapped
 * files), and what it printed. Memory is looked at every `lookEvery` milliseconds, and is 0 where there is no /proc.
 * @throws Error with the end of what was printed, where the program fails, is not there, or does not end.
 */
export function runOnce(command, { env = {}, cwd, lookEvery = LOOK_EVERY_MS } = {}) {
  return new Promise((resolve, reject) => {
    const begin = performance.now();
    const child = spawn(command[0], command.slice(1), {
      cwd,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...env },
    });
    let [output, errors, peakBytes, anonymousBytes] = ["", "", 0, 0];
    child.stdout.setEncoding("utf8").on("data", (data) => {
      output = (output + data).slice(-OUTPUT_TAIL);
    });
    child.stderr.setEncoding("utf8").on("data", (data) => {
      errors = (errors + data).slice(-OUTPUT_TAIL);
    });
    const watch = setInterval(() => {
      const { resident, anonymous } = memoryOf(child.pid);
      peakBytes = Math.max(peakBytes, resident);
      anonymousBytes = Math.max(anonymousBytes, anonymous);
    }, lookEvery);
    const limit = setTimeout(() => endAll(child.pid), LIMIT_MS);
    const stop = () => {
      clearInterval(watch);
      clearTimeout(limit);
    };
    child.on("error", (error) => {
      stop();
      reject(error);
    });
    child.on("close", (code, signal) => {
      stop();
      const seconds = (performance.now() - begin) / 1000;
      if (code === 0) resolve({ seconds, peakBytes, anonymousBytes, output });
      else {
        const end = code === null ? `was ended by ${signal}` : `ended with ${code}`;
        const said = (output + errors).slice(-2000);
        const error = new Error(`${command.join(" ")} ${end}:\n${said}`);
        reject(Object.assign(error, { end }));
      }
    });
  });
}
