import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { verify } from "../../src/verify/run.ts";
import { SUBJECTS, type Blunder, type Subject } from "../support/blunders/blunder.ts";
import { ORDER_BLUNDERS } from "../support/blunders/order.ts";
import { SETTING_BLUNDERS } from "../support/blunders/settings.ts";
import { SOLVED_BLUNDERS } from "../support/blunders/solved.ts";
import { VALUE_BLUNDERS } from "../support/blunders/values.ts";
import { ciShare, ciTries } from "../support/ci-share.ts";
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
  tied: fixture("llama-tied"),
  baichuan: { ...fixture("baichuan"), weights: join(FIXTURES, "baichuan", "pytorch_model.bin") },
  chatglm2: { ...fixture("chatglm2"), weights: join(FIXTURES, "chatglm2") },
  glm4: fixture("glm4"),
  experts: fixture("qwen2_moe"),
  gelu: {
    weights: join(FIXTURES, "llama-tied", "model.safetensors"),
    golden: join(FIXTURES, "goldens", "llama-tied-gelu.safetensors"),
  },
  opt: fixture("opt"),
  gpt2: fixture("gpt2"),
  gemma2: fixture("gemma2"),
  gemma3: fixture("gemma3"),
};

function fixture(name: string): Files {
  return {
    weights: join(FIXTURES, name, "model.safetensors"),
    golden: join(FIXTURES, "goldens", `${name}.safetensors`),
  };
}

interface Row {
  readonly mode: string;
  /** No golden tells it. */
  readonly isOpen: boolean;
  readonly state: "right" | "place" | "undetermined" | "accused";
  readonly line: string;
}

/** CI tries one in so many of each mode. */
const CI_STEP = 3;

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
const EVERY_CASE = [
  ...cases("golden", ["nano", "grouped"]).filter((_case, index) => index % 2 === 0),
  ...cases("pair", ["nano", "biased", "grouped"]),
  ...SOLVED_BLUNDERS.flatMap((blunder) =>
    blunder.in.flatMap((subject) =>
      modesOf(blunder).map((mode) => ({ name: blunder.name, mode, blunder, subject })),
    ),
  ),
];

const CASES = (["golden", "pair"] as const).flatMap((mode) =>
  ciShare(
    EVERY_CASE.filter((one) => one.mode === mode),
    CI_STEP,
  ),
);

/** What config.json says is compared with another checkpoint's before anything is run. */
function modesOf({ cause }: Blunder): readonly ("golden" | "pair")[] {
  return cause === "config-mismatch" ? ["golden"] : ["golden", "pair"];
}

const models = new Map<Subject, EditableModel>();
const rows: Row[] = [];
let folder = "";

/** A second set of mistakes, made up without the first, in deeper models with weights that look trained. */
describe("other mistakes, in models of other shapes and families", () => {
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "weighbridge-blunders-"));
    for (const name of SUBJECTS) {
      const { weights } = FILES[name];
      const isFolder = name === "chatglm2";
      const place = isFolder ? weights : dirname(weights);
      const config = readFileSync(join(place, "config.json"), "utf8");
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
    if (blunder.isSure === true)
      expect([blunder.cause, ...(blunder.or ?? [])]).toContain(first?.cause);
    rmSync(path, { recursive: true });
  });

  test.each(["golden", "pair"])("by %s, nearly all get their right name and place", (mode) => {
    const own = rows.filter((row) => row.mode === mode && !row.isOpen);
    expect(own.length).toBeGreaterThan(ciTries(120, 40));
    const right = own.filter(({ state }) => state === "right").length;
    expect(right / own.length).toBeGreaterThanOrEqual(0.9);
  });

  test("none is accused of what it is not", () => {
    expect(rows.filter(({ state }) => state === "accused").map(({ line }) => line)).toEqual([]);
  });
});

function rowOf(
  mode: string,
  { name, cause, or = [], isOpen = false }: Blunder,
  subject: Subject,
  damaged: readonly string[],
  first:
    | { readonly cause: string; readonly tensors: readonly string[]; readonly evidence: string }
    | undefined,
): Row {
  const found = first?.cause ?? "nothing";
  const blamed = first?.tensors ?? [];
  const isCause = [cause, ...or].some((one) => one === found);
  // Where a factor or an order of either of two does the same, a golden does not tell which of them has it.
  const isOfTwo = /of one of the two|stand in different orders|both have the same effect/u.test(
    first?.evidence ?? "",
  );
  const isPlace = isOfTwo
    ? damaged.every((one) => blamed.includes(one))
    : blamed.length === damaged.length && blamed.every((one) => damaged.includes(one));
  const known = isPlace ? "right" : "place";
  const isSilent = found === "undetermined" || found === "nothing";
  const state = isCause ? known : isSilent ? "undetermined" : "accused";
  const shown = blamed.slice(0, 2).join(", ");
  const line = `${state.padEnd(12)} ${mode.padEnd(6)} ${subject.padEnd(7)} ${name.padEnd(64)} -> ${found} ${shown}`;
  return { mode, isOpen: isOpen && mode === "golden", state, line };
}
