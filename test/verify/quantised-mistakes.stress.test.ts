import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { convert } from "../../src/api/convert.ts";
import { WbError } from "../../src/errors/wb-error.ts";
import { verify } from "../../src/verify/run.ts";
import { ciShare, ciTries } from "../support/ci-share.ts";
import { readEditable, type EditableModel } from "../support/editable-model.ts";
import { MISTAKES, type Mistake } from "../support/mistakes.ts";
import { ORACLE_FOLDER } from "../support/oracles.ts";

const NANO = join(ORACLE_FOLDER, "nano");
const TYPES = ["Q8_0", "Q4_0"] as const;

/** CI tries one in so many, which takes turns between the types. */
const CI_STEP = 3;

const CASES = MISTAKES.flatMap((mistake, index) => TYPES.map((type) => ({ type, mistake, index })));

interface Row {
  readonly name: string;
  readonly type: string;
  readonly cause: string;
  readonly found: string;
  readonly isRight: boolean;
}

const table: Row[] = [];
let folder = "";
let model: EditableModel | undefined;

/** The same mistakes as in mistakes.stress.test.ts, made before the model was quantised: rounding must not hide them. */
describe("mistakes in a model that was quantised afterwards", () => {
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "weighbridge-quantised-"));
    const config = readFileSync(join(NANO, "config.json"), "utf8");
    model = await readEditable(join(NANO, "pytorch_model.bin"), config);
  });
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
    process.stdout.write(`${rendered()}\n`);
  });

  test.each(ciShare(CASES, CI_STEP))(
    "$mistake.name, then $type: fails, with a cause",
    async ({ type, mistake, index }) => {
      const broken = model?.copy();
      if (broken === undefined) throw new Error("no model");
      mistake.make(broken);
      const path = join(folder, `${type}-${index}`);
      await broken.write(path);
      const quantised = `${path}-gguf`;
      try {
        await convert(path, quantised, { to: "gguf", quantize: type });
      } catch (error) {
        // What cannot be written as GGUF at all has no rounding to hide behind.
        if (error instanceof WbError) return;
        throw error;
      }
      const result = await verify(join(quantised, "model.gguf"), {
        other: join(NANO, "pytorch_model.bin"),
        device: "wasm",
      });
      const [first] = result.diagnosis;
      const blamed = first?.tensors ?? [];
      table.push({
        name: mistake.name,
        type,
        cause: mistake.cause,
        found: `${first?.cause ?? "nothing"} ${blamed.slice(0, 3).join(", ")}${blamed.length > 3 ? ` +${blamed.length - 3}` : ""}`,
        isRight: isRightCause(mistake, first?.cause) && isRightPlace(mistake, blamed),
      });
      // What was rounded to the type's own levels is the same after quantising: only then nothing is left to be found.
      if (mistake.cause !== "cast" || result.verdict === "fail")
        expect([result.verdict, result.diagnosis.length > 0]).toEqual(["fail", true]);
      rmSync(path, { recursive: true });
      rmSync(quantised, { recursive: true });
    },
  );

  test.each(TYPES)("of %s, at least nine tenths get their right name first", (type) => {
    const rows = table.filter((row) => row.type === type && row.found !== "nothing ");
    expect(rows.length).toBeGreaterThanOrEqual(ciTries(30, 12));
    const right = rows.filter(({ isRight }) => isRight).length;
    expect(right / rows.length).toBeGreaterThanOrEqual(0.9);
  });
});

/** What was rounded before it was quantised was quantised from other values. */
function isRightCause(mistake: Mistake, cause: string | undefined): boolean {
  return cause === mistake.cause || (mistake.cause === "cast" && cause === "other-version");
}

function isRightPlace({ tensors }: Mistake, blamed: readonly string[]): boolean {
  if (tensors.length === 0) return blamed.length === 0;
  return blamed.length > 0 && blamed.every((name) => tensors.includes(name));
}

function rendered(): string {
  const lines = table.map(
    ({ name, type, cause, found, isRight }) =>
      `${isRight ? "ok  " : "MISS"} ${type} ${name.padEnd(58)} ${cause.padEnd(16)} -> ${found}`,
  );
  return [...lines, `${table.filter(({ isRight }) => isRight).length} of ${table.length}`].join(
    "\n",
  );
}
