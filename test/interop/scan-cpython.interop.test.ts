import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { Budget } from "../../src/scan/context.ts";
import { examine } from "../../src/scan/examine.ts";
import { Findings } from "../../src/scan/findings.ts";
import { standingOf } from "../../src/scan/names.ts";
import { memorySource } from "../../src/sources/file.ts";
import { isRecord } from "../support/is-record.ts";
import { runPython } from "../support/python.ts";

const folder = mkdtempSync(join(tmpdir(), "weighbridge-cpython-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Pickles that are drawn: a million in the full run, WEIGHBRIDGE_DRAWN_PICKLES=1000000. */
const COUNT = Number(process.env["WEIGHBRIDGE_DRAWN_PICKLES"] ?? 4000);
/** A run that was ended goes on from the seed that its last line named. */
const FIRST_SEED = Number(process.env["WEIGHBRIDGE_DRAWN_SEED"] ?? 1);
const BATCH = 10_000;
/** A pickle takes half a millisecond; a busy machine may take ten times that. */
const LIMIT_MS = 600_000 + 5 * COUNT;

type Name = readonly [module: string, name: string];

/** The names that CPython's unpicklers import, by pickle. */
function answersOf(value: unknown): readonly (readonly Name[])[] {
  const answers = itemsOf(isRecord(value) ? value["answers"] : undefined);
  return answers.map((answer) =>
    itemsOf(itemsOf(answer)[0]).map((pair): Name => {
      const [module, name] = itemsOf(pair);
      return [String(module), String(name)];
    }),
  );
}

function itemsOf(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new Error("an array was expected");
  const items: readonly unknown[] = value;
  return items;
}

function* pickles(path: string): Generator<Uint8Array> {
  const bytes = readFileSync(path);
  for (let begin = 0; begin < bytes.byteLength;) {
    const end = begin + 4 + bytes.readUInt32LE(begin);
    yield bytes.subarray(begin + 4, end);
    begin = end;
  }
}

/** What scan makes of one pickle. */
async function judged(bytes: Uint8Array): Promise<readonly [verdict: string, findings: Findings]> {
  const findings = new Findings("drawn.pkl");
  const where = { name: "drawn.pkl", member: "", depth: 0, isScript: false, signal: undefined };
  const { state } = await examine(memorySource(bytes, "drawn.pkl"), {
    findings,
    budget: new Budget(),
    ...where,
  });
  if (findings.isUnsafe) return ["unsafe", findings];
  const isOpen = state === "not-understood" || findings.libraryName !== undefined;
  return [isOpen ? "incomplete" : "safe", findings];
}

/** Python 2's names of modules, which CPython reads as Python 3's. */
const RENAMED: Readonly<Record<string, string>> = { __builtin__: "builtins" };

describe("a drawn pickle", () => {
  it(
    "is never safe where an unpickler of CPython imports what is not allowed",
    async () => {
      let drawn = 0;
      const start = performance.now();
      const counts: Record<string, number> = { safe: 0, unsafe: 0, incomplete: 0 };
      let named = 0;
      for (let seed = FIRST_SEED; drawn < COUNT; seed++) {
        const count = Math.min(BATCH, COUNT - drawn);
        const file = join(folder, "drawn");
        const said = runPython("trace_pickles.py", { seed, count, file });
        expect(isRecord(said) ? said["audited"] : undefined).toEqual([]);
        const answers = answersOf(said);
        let index = 0;
        for (const bytes of pickles(file)) {
          const names = answers[index++] ?? [];
          const [verdict, findings] = await judged(bytes);
          counts[verdict] = (counts[verdict] ?? 0) + 1;
          const bad = names.filter(([module, name]) => standingOf(module, name) !== "allowed");
          const where = `seed ${seed}, pickle ${index}: ${Buffer.from(bytes).toString("hex")}`;
          if (bad.length > 0) {
            named++;
            const isSafe = verdict === "safe";
            expect([where, bad, isSafe]).toEqual([where, bad, false]);
          }
          if (verdict === "safe") {
            // What is called safe names to us all that it names to CPython.
            const ours = new Set(
              findings.globals.map(({ module, name }) => `${RENAMED[module] ?? module} ${name}`),
            );
            const missed = names.filter(([module, name]) => !ours.has(`${module} ${name}`));
            expect([where, missed]).toEqual([where, []]);
          }
        }
        expect(index).toBe(count);
        drawn += count;
        if (COUNT > BATCH)
          process.stderr.write(
            `seed ${seed}: ${drawn} pickles in ${Math.round(performance.now() - start)} ms\n`,
          );
      }
      // The draw is worth something: it makes pickles of each kind.
      expect(Math.min(counts["safe"] ?? 0, counts["unsafe"] ?? 0, named)).toBeGreaterThan(
        COUNT / 100,
      );
    },
    LIMIT_MS,
  );
});
