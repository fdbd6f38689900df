import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { WbError } from "../../src/errors/wb-error.ts";
import { isRecord } from "../support/is-record.ts";
import { runPython } from "../support/python.ts";
import { storedFacts } from "../support/stored-facts.ts";

const folder = mkdtempSync(join(tmpdir(), "weighbridge-differential-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Files of each library; WEIGHBRIDGE_DRAWS sets another number, and WEIGHBRIDGE_DRAWS_SEED others. */
const DRAWS = Number(process.env["WEIGHBRIDGE_DRAWS"] ?? 150);
const SEED = Number(process.env["WEIGHBRIDGE_DRAWS_SEED"] ?? 20_261_129);

/** Files that one process of Python draws. */
const AT_ONCE = 500;

/** What the library reads and we refuse: by the code, what must be odd about the file for it. */
const REFUSED: Readonly<Record<string, readonly string[]>> = {
  // A key that is no name: a truth, nothing, a tuple.
  WB3301: ["odd key"],
  WB4301: ["sparse", "quantized", "meta"],
};

interface Drawn {
  readonly path: string;
  readonly traits: readonly string[];
  readonly facts: Readonly<Record<string, unknown>> | undefined;
}

function drawn(count: number, seed: number): readonly Drawn[] {
  const answer = runPython("draw_states.py", { folder, seed, count });
  if (!Array.isArray(answer)) throw new Error("draw_states.py gave no list");
  return answer.map((entry: unknown) => {
    const { path, traits, facts } = isRecord(entry) ? entry : {};
    return {
      path: String(path),
      traits: Array.isArray(traits) ? traits.map(String) : [],
      facts: isRecord(facts) ? facts : undefined,
    };
  });
}

const sorted = (facts: Readonly<Record<string, unknown>>): string =>
  JSON.stringify(Object.entries(facts).toSorted(([left], [right]) => (left < right ? -1 : 1)));

/** What is wrong with our reading; undefined where it is the library's, or a refusal that is listed. */
async function difference({ path, traits, facts }: Drawn): Promise<string | undefined> {
  try {
    const ours = await storedFacts(path);
    if (facts === undefined || sorted(ours) === sorted(facts)) return undefined;
    return `${path} ${traits.join()}: ${sorted(ours)} and not ${sorted(facts)}`.slice(0, 2000);
  } catch (error) {
    if (!(error instanceof WbError) || error.code === "WB7001") throw error;
    if (facts === undefined) return undefined;
    const because = REFUSED[error.code] ?? [];
    if (because.some((trait) => traits.includes(trait))) return undefined;
    return `${path} ${traits.join()}: ${error.code} ${error.message}`;
  }
}

test(
  "whatever torch, paddle and safetensors write of drawn values is read as they read it, or refused for a reason that is listed",
  { timeout: 7_200_000 },
  async () => {
    const wrong: string[] = [];
    let read = 0;
    for (let done = 0; done < DRAWS; done += AT_ONCE) {
      for (const file of drawn(Math.min(AT_ONCE, DRAWS - done), SEED + done)) {
        const problem = await difference(file);
        if (problem !== undefined) wrong.push(problem);
        read += file.facts === undefined ? 0 : 1;
        rmSync(file.path);
      }
    }
    expect(wrong).toEqual([]);
    expect(read).toBeGreaterThan(DRAWS * 2.5);
  },
);
