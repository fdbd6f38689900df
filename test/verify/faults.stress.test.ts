import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { spread } from "../support/effort.ts";
import { FAULTS } from "../support/faults/all-faults.ts";
import { FaultBench, lineOf, tableOf, type Finding } from "../support/faults/bench.ts";
import { HARMLESS } from "../support/faults/harmless.ts";
import { MODES, type Mode } from "../support/faults/fault.ts";

/**
 * WEIGHBRIDGE_FAULTS=pair,layers tries one mode, one kind or names with a word alone, and prints the table of these; "pair,diff,states,logits"
 * tries all, which takes half an hour. Without it, the stress suite tries a part that is spread evenly.
 */
const WANTED = (process.env["WEIGHBRIDGE_FAULTS"] ?? "").split(",").filter((word) => word !== "");

/** A file that every line is added to as soon as it is known. */
const LOG = process.env["WEIGHBRIDGE_FAULTS_LOG"];

const ALL = FAULTS.flatMap((fault) =>
  MODES.filter((mode) => fault.modes?.includes(mode) ?? true).map((mode) => ({
    name: fault.name,
    fault,
    mode,
  })),
);

const CASES =
  WANTED.length > 0
    ? ALL.filter(({ fault, mode }) => isWanted(fault.name, fault.kind, mode))
    : // Of each by itself: every third of a list that takes turns is of one mode.
      (["pair", "diff", "states"] as const).flatMap((wanted) =>
        spread(
          ALL.filter(({ mode }) => mode === wanted),
          15,
        ),
      );

/** Changes that leave a model right, in every way that they can be looked at. */
const UNCHANGED = spread(
  HARMLESS.flatMap((harmless) =>
    MODES.filter((mode) => harmless.modes?.includes(mode) ?? true).map((mode) => ({
      name: harmless.name,
      harmless,
      mode,
    })),
  ),
  WANTED.length > 0 ? Number.POSITIVE_INFINITY : 30,
).filter(({ harmless, mode }) => WANTED.length === 0 || isWanted(harmless.name, "harmless", mode));

function isWanted(name: string, kind: string, mode: Mode): boolean {
  const isMode = WANTED.filter((word) => MODES.some((one) => one === word));
  const rest = WANTED.filter((word) => !isMode.includes(word));
  return (
    (isMode.length === 0 || isMode.includes(mode)) &&
    (rest.length === 0 || rest.some((word) => name.includes(word) || kind === word))
  );
}

/** Share that must get its right name first; from logits alone less can be told. */
const FLOORS: Readonly<Record<Mode, number>> = {
  pair: 0.95,
  diff: 0.95,
  states: 0.85,
  logits: 0.6,
};

/** Share that may be called what it is not, until it is none. */
const MAX_ACCUSED = 0.05;

const findings: Finding[] = [];
const work = mkdtempSync(join(tmpdir(), "weighbridge-faults-"));
const bench = new FaultBench(work);

describe("mistakes of converters, in five models that look trained", () => {
  beforeAll(async () => {
    await bench.open();
  });
  afterAll(() => {
    rmSync(work, { recursive: true, force: true });
    const lines = findings.map(lineOf).toSorted();
    process.stdout.write(`${lines.join("\n")}\n\n${tableOf(findings)}\n`);
  });

  test.each(CASES)(
    "$name, by $mode: is noticed, and what is said is so",
    async ({ fault, mode }) => {
      const finding = await bench.find(fault, mode);
      findings.push(finding);
      if (LOG !== undefined) appendFileSync(LOG, `${lineOf(finding)}\n`);
      expect(finding.state).not.toBe("undetected");
      expect(await bench.untrue(finding)).toEqual([]);
    },
  );

  test.each(UNCHANGED)("$name, by $mode: is right", async ({ harmless, mode }) => {
    expect(await bench.excuse(harmless, mode)).toBe("");
  });

  test.each(MODES)("by %s, nearly all get their right name", (mode) => {
    const own = findings.filter((finding) => finding.mode === mode);
    const right = own.filter(({ state }) => state === "right").length;
    if (WANTED.length === 0 && mode !== "logits") expect(own.length).toBeGreaterThan(10);
    expect(right).toBeGreaterThanOrEqual(FLOORS[mode] * own.length - 1);
  });

  test("hardly any is called what it is not", () => {
    const accused = findings.filter(({ state }) => state === "accused" || state === "place");
    const shown = accused.length > MAX_ACCUSED * findings.length + 1 ? accused.map(lineOf) : [];
    expect(shown).toEqual([]);
  });
});
