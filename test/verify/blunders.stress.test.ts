import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { verify } from "../../src/verify/run.ts";
import type { Blunder, Subject } from "../support/blunders/blunder.ts";
import { ORDER_BLUNDERS } from "../support/blunders/order.ts";
import { SETTING_BLUNDERS } from "../support/blunders/settings.ts";
import { VALUE_BLUNDERS } from "../support/blunders/values.ts";
import { readEditable, type EditableModel } from "../support/editable-model.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";
import { ORACLE_FOLDER } from "../support/oracles.ts";

interface Files {
  readonly weights: string;
  readonly golden: string;
}

const FILES: Readonly<Record<Subject, Files>> = {
  nano: {
    weights: join(ORACLE_FOLDER, "nano", "pytorch_model.bin"),
    golden: join(ORACLE_FOLDER, "nano", "golden.safetensors"),
  },
  biased: fixture("biased-deep"),
  grouped: fixture("grouped-deep"),
};

function fixture(name: string): Files {
  return {
    weights: join(FIXTURES, name, "model.safetensors"),
    golden: join(FIXTURES, "goldens", `${name}.safetensors`),
  };
}

interface Row {
  readonly mode: string;
  readonly state: "right" | "place" | "undetermined" | "accused";
  readonly line: string;
}

const SUBJECTS = ["nano", "biased", "grouped"] as const;

const ALL = [...ORDER_BLUNDERS, ...VALUE_BLUNDERS, ...SETTING_BLUNDERS];

/** Each mistake in one of the models that it can be made in, alternately. */
function cases(
  mode: "golden" | "pair",
  subjects: readonly Subject[],
): readonly {
  readonly name: string;
  readonly mode: "golden" | "pair";
  readonly blunder: Blunder;
  readonly subject: Subject;
}[] {
  return ALL.flatMap((blunder, index) => {
    const wanted = blunder.in.filter((name) => subjects.includes(name));
    const choice = wanted.length > 0 ? wanted : blunder.in;
    const subject = choice[Math.floor(index / 2) % Math.max(1, choice.length)];
    return subject === undefined ? [] : [{ name: blunder.name, mode, blunder, subject }];
  });
}

/** Against goldens, which takes a second or more each, every other one, in the models that are quicker to search. */
const CASES = [
  ...cases("golden", ["nano", "grouped"]).filter((_case, index) => index % 2 === 0),
  ...cases("pair", ["nano", "biased", "grouped"]),
];

const models = new Map<Subject, EditableModel>();
const rows: Row[] = [];
let folder = "";

/** A second set of mistakes, made up without the first, in deeper models with weights that look trained. */
describe("other mistakes, in three models", () => {
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "weighbridge-blunders-"));
    for (const name of SUBJECTS) {
      const { weights } = FILES[name];
      const config = readFileSync(join(dirname(weights), "config.json"), "utf8");
      models.set(name, await readEditable(weights, config));
    }
  });
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
    process.stdout.write(`${rows.map(({ line }) => line).join("\n")}\n`);
  });

  test.each(CASES)("$name, in $subject by $mode: is noticed", async (one) => {
    const { blunder, subject, mode } = one;
    const model = models.get(subject)?.copy();
    if (model === undefined) throw new Error(`no model ${subject}`);
    const damaged = blunder.make(model);
    const path = join(folder, "model");
    await model.write(path);
    const { weights, golden } = FILES[subject];
    const reference = mode === "golden" ? { golden } : { other: weights };
    const result = await verify(path, { ...reference, device: "wasm", calibrate: false });
    const [first] = result.diagnosis;
    rows.push(rowOf(mode, blunder, subject, damaged, first));
    expect(result.verdict).toBe("fail");
    rmSync(path, { recursive: true });
  });

  test.each(["golden", "pair"])("by %s, nearly all get their right name and place", (mode) => {
    const own = rows.filter((row) => row.mode === mode);
    expect(own.length).toBeGreaterThan(60);
    const right = own.filter(({ state }) => state === "right").length;
    expect(right / own.length).toBeGreaterThanOrEqual(0.9);
  });

  test("none is accused of what it is not", () => {
    expect(rows.filter(({ state }) => state === "accused").map(({ line }) => line)).toEqual([]);
  });
});

function rowOf(
  mode: string,
  { name, cause, or = [] }: Blunder,
  subject: Subject,
  damaged: readonly string[],
  first: { readonly cause: string; readonly tensors: readonly string[] } | undefined,
): Row {
  const found = first?.cause ?? "nothing";
  const blamed = first?.tensors ?? [];
  const isCause = [cause, ...or].some((one) => one === found);
  const isPlace = blamed.length === damaged.length && blamed.every((one) => damaged.includes(one));
  const known = isPlace ? "right" : "place";
  const isSilent = found === "undetermined" || found === "nothing";
  const state = isCause ? known : isSilent ? "undetermined" : "accused";
  const shown = blamed.slice(0, 2).join(", ");
  const line = `${state.padEnd(12)} ${mode.padEnd(6)} ${subject.padEnd(7)} ${name.padEnd(64)} -> ${found} ${shown}`;
  return { mode, state, line };
}
