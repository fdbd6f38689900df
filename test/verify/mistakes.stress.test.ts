import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { verify } from "../../src/verify/run.ts";
import { readEditable, type EditableModel } from "../support/editable-model.ts";
import { MISTAKES, type Mistake } from "../support/mistakes.ts";
import { ORACLE_FOLDER } from "../support/oracles.ts";

const NANO = join(ORACLE_FOLDER, "nano");
const GOLDEN = join(NANO, "golden.safetensors");

interface Row {
  readonly mistake: Mistake;
  readonly mode: string;
  readonly verdict: string;
  readonly found: string;
  readonly isRight: boolean;
}

const table: Row[] = [];
let folder = "";
let model: EditableModel | undefined;

/** A golden of InternLM's own code: with its hidden states, and with logits alone. */
describe("mistakes in a model whose golden is InternLM's own", () => {
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "weighbridge-mistakes-"));
    const config = readFileSync(join(NANO, "config.json"), "utf8");
    model = await readEditable(join(NANO, "pytorch_model.bin"), config);
  });
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
    process.stdout.write(`${rendered()}\n`);
  });

  test.each(MISTAKES.map((mistake, index) => ({ mistake, index })))(
    "$mistake.name: is noticed, by golden and by the other checkpoint",
    async ({ mistake, index }) => {
      const broken = model?.copy();
      if (broken === undefined) throw new Error("no model");
      mistake.make(broken);
      const path = join(folder, String(index));
      await broken.write(path);
      for (const [mode, options] of [
        ["golden", { golden: GOLDEN }],
        ["pair", { other: join(NANO, "pytorch_model.bin") }],
      ] as const) {
        const { verdict, diagnosis } = await verify(path, { ...options, device: "wasm" });
        const [first] = diagnosis;
        const blamed = first?.tensors ?? [];
        table.push({
          mistake,
          mode,
          verdict,
          found: `${first?.cause ?? "nothing"} ${blamed.slice(0, 3).join(", ")}${blamed.length > 3 ? ` +${blamed.length - 3}` : ""}`,
          isRight: first?.cause === mistake.cause && isRightPlace(mistake, blamed),
        });
        expect([mode, verdict]).toEqual([mode, "fail"]);
      }
      rmSync(path, { recursive: true });
    },
  );

  test.each(["golden", "pair"])(
    "by %s, at least nine tenths get their right name first",
    (mode) => {
      const rows = table.filter((row) => row.mode === mode);
      expect(rows.length).toBeGreaterThanOrEqual(40);
      const right = rows.filter(({ isRight }) => isRight).length;
      expect(right / rows.length).toBeGreaterThanOrEqual(0.9);
    },
  );
});

/** The tensors blamed are among those that were damaged, and no other. */
function isRightPlace({ tensors }: Mistake, blamed: readonly string[]): boolean {
  if (tensors.length === 0) return blamed.length === 0;
  return blamed.length > 0 && blamed.every((name) => tensors.includes(name));
}

function rendered(): string {
  const lines = table.map(
    ({ mistake, mode, verdict, found, isRight }) =>
      `${isRight ? "ok  " : "MISS"} ${mode.padEnd(6)} ${verdict.padEnd(4)} ${mistake.name.padEnd(58)} ${mistake.cause.padEnd(16)} -> ${found}`,
  );
  const right = table.filter(({ isRight }) => isRight).length;
  return [...lines, `${right} of ${table.length} named rightly`].join("\n");
}
