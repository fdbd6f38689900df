// Runs one contender once: wall time, and the peak memory of its whole process tree.
import { spawn } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";

const POLL_MS = 20;
/** Characters of output that are kept: a contender prints a line of JSON, or why it failed. */
const OUTPUT_TAIL = 200_000;

/** A number from /proc/PID/status, in bytes. */
const kib = (status, name) =>
  Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? 0) * 1024;

/** Resident and anonymous bytes of a process and of all that it started. */
function memoryOf(pid) {
  let [resident, anonymous] = [0, 0];
  const waiting = [pid];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    try {
      const status = readFileSync(`/proc/${next}/status`, "utf8");
      resident += kib(status, "VmRSS");
      anonymous += kib(status, "RssAnon");
      for (const task of readdirSync(`/proc/${next}/task`)) {
        const children = readFileSync(`/proc/${next}/task/${task}/children`, "utf8");
        waiting.push(...children.split(" ").filter(Boolean));
      }
    } catch {
      // the process ended between two looks; its last one stands
    }
  }
  return { resident, anonymous };
}

/**
 * Runs `command` to its end. Gives seconds, peakBytes (resident, children included), anonymousBytes (what of it is not mapped
 * files), and what it printed. Memory is 0 where there is no /proc.
 */
export function measure(command, { env = {}, cwd } = {}) {
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
    const look = () => {
      const { resident, anonymous } = memoryOf(child.pid);
      peakBytes = Math.max(peakBytes, resident);
      anonymousBytes = Math.max(anonymousBytes, anonymous);
    };
    const watch = setInterval(look, POLL_MS);
    child.on("error", (error) => {
      clearInterval(watch);
      reject(error);
    });
    child.on("close", (code) => {
      clearInterval(watch);
      const seconds = (performance.now() - begin) / 1000;
      if (code === 0) resolve({ seconds, peakBytes, anonymousBytes, output });
      else
        reject(
          new Error(`${command.join(" ")} ended with ${code}:\n${(output + errors).slice(-2000)}`),
        );
    });
  });
}

export function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

const rounded = (number, digits = 4) => Number(number.toPrecision(digits));

/**
 * Every contender once a round, in an order that turns by one each round, so that none always follows the same one. A
 * contender that cannot run here says so by `missing`; it is listed, not left out in silence.
 */
export async function measurePoint({ contenders }, { rounds, metrics, log }) {
  const able = contenders.filter(({ missing }) => missing === undefined);
  const runs = new Map(able.map(({ name }) => [name, []]));
  for (let turn = 0; turn < rounds * able.length; turn++) {
    const round = Math.floor(turn / able.length);
    const contender = able[(turn + round) % able.length];
    if (round >= (contender.rounds ?? rounds)) continue;
    await contender.before?.();
    const run = await measure(contender.command, contender);
    const values = { seconds: run.seconds, ...contender.read?.(run.output, run) };
    runs.get(contender.name).push({ ...run, ...values });
    await contender.after?.();
    log(`round ${round + 1}: ${contender.name} ${run.seconds.toFixed(2)} s`);
  }
  return contenders.map(({ name, shown, missing }) => {
    const all = runs.get(name) ?? [];
    if (all.length === 0) return { name, shown, missing };
    return {
      name,
      shown,
      rounds: all.length,
      ...Object.fromEntries(
        metrics.map(({ key }) => [key, all.map((run) => rounded(run[key] ?? Number.NaN))]),
      ),
      median: Object.fromEntries(
        metrics.map(({ key }) => [key, rounded(median(all.map((run) => run[key] ?? Number.NaN)))]),
      ),
      peakBytes: Math.max(...all.map((run) => run.peakBytes)),
      anonymousBytes: Math.max(...all.map((run) => run.anonymousBytes)),
    };
  });
}
