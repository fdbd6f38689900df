// Runs the contenders of one point in alternating order, and gathers what each one's runs have in common.
import { brief, runOnce } from "./process.mjs";
import { median, rounded } from "./stats.mjs";

/** One run of a contender: its metrics, memory and facts. */
async function attempt(contender, metrics) {
  try {
    await contender.before?.();
    const run = await runOnce(contender.command, contender);
    const found = { ...run, ...contender.read?.(run.output) };
    for (const { key } of metrics)
      if (!Number.isFinite(found[key])) throw new Error(`${contender.name} tells no ${key}`);
    return found;
  } finally {
    await contender.after?.();
  }
}

/** What is kept of a contender: each metric's values and median, peaks, and what it told of itself; or why there is nothing. */
function summary({ contender, runs, failed }, metrics) {
  const { name, shown, missing } = contender;
  if (failed !== undefined) return { name, shown, failed };
  if (runs.length === 0) return { name, shown, missing: missing ?? "left out by --peer-rounds 0" };
  const of = (key) => runs.map((run) => run[key]);
  const most = (key) => Math.max(...of(key));
  return {
    name,
    shown,
    rounds: runs.length,
    ...(runs[0].facts === undefined ? {} : { facts: runs[0].facts }),
    ...Object.fromEntries(metrics.map(({ key }) => [key, of(key).map((value) => rounded(value))])),
    median: Object.fromEntries(metrics.map(({ key }) => [key, rounded(median(of(key)))])),
    peakBytes: most("peakBytes"),
    anonymousBytes: most("anonymousBytes"),
  };
}

/**
 * Every contender once a round, in an order that turns by one each round, so that none always follows the same one. One that
 * cannot run here says so by `missing`, one whose files could not be made by `failed`; one that fails is told of and not run
 * again, and the others go on. All are listed.
 */
export async function measureContenders(contenders, { rounds, metrics, log }) {
  const states = contenders.map((contender) => ({ contender, runs: [], failed: contender.failed }));
  const able = states.filter(({ contender }) => contender.missing === undefined);
  for (let turn = 0; turn < rounds * able.length; turn++) {
    const round = Math.floor(turn / able.length);
    const state = able[(turn + round) % able.length];
    const { contender } = state;
    if (state.failed !== undefined || round >= (contender.rounds ?? rounds)) continue;
    try {
      const run = await attempt(contender, metrics);
      state.runs.push(run);
      const told = metrics.map(({ key, unit }) => `${rounded(run[key], 3)} ${unit}`).join(", ");
      log(`round ${round + 1}: ${contender.name}: ${told}`);
    } catch (error) {
      // The whole message is for the reader of the terminal; the result keeps how it ended.
      log(`${contender.name} failed: ${error.message}`);
      state.failed = brief(error);
    }
  }
  return states.map((state) => summary(state, metrics));
}
