import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { logits } from "../../src/api/logits.ts";
import { isRecord } from "../support/is-record.ts";
import { runPython } from "../support/python.ts";
import { readF32 } from "../support/read-f32.ts";

const work = mkdtempSync(join(tmpdir(), "weighbridge-half-"));
const folder = join(work, "model");
afterAll(() => rmSync(work, { recursive: true, force: true }));

let ids: readonly number[] = [];
let torch: ReadonlyMap<string, ArrayLike<number>> = new Map();
beforeAll(async () => {
  const answer = runPython("half_logits.py", { folder });
  ids = isRecord(answer) && Array.isArray(answer["ids"]) ? answer["ids"].map(Number) : [];
  torch = await readF32(join(folder, "logits.safetensors"), "");
});

interface Distance {
  readonly median: number;
  readonly rmse: number;
  readonly p99: number;
  readonly max: number;
}

function distanceOf(left: ArrayLike<number>, right: ArrayLike<number>): Distance {
  expect(left.length).toBe(right.length);
  const differences = Float64Array.from(left, (value, index) =>
    Math.abs(value - (right[index] ?? Number.NaN)),
  ).sort();
  const at = (share: number): number =>
    differences[Math.floor(share * (differences.length - 1))] ?? Number.NaN;
  const squares = differences.reduce((sum, value) => sum + value * value, 0);
  return {
    median: at(0.5),
    rmse: Math.sqrt(squares / differences.length),
    p99: at(0.99),
    max: at(1),
  };
}

const shown = ({ median, rmse, p99, max }: Distance): string =>
  [median, rmse, p99, max].map((value) => value.toExponential(1)).join(", ");

async function oursIn(compute: "f32" | "f16" | "bf16"): Promise<Float32Array> {
  const result = await logits(folder, { prompts: [{ kind: "ids", ids }], device: "cpu", compute });
  return result.prompts[0]?.logits ?? new Float32Array(0);
}

describe("computing in a half dtype on native TensorFlow, beside torch in the same dtype", () => {
  test("float32 is the reference on both sides", async () => {
    expect(ids).toHaveLength(64);
    expect(distanceOf(await oursIn("f32"), torch.get("f32") ?? []).max).toBeLessThan(5e-5);
  });

  test.each(["f16", "bf16"] as const)(
    "%s is as far from float32 as torch's own is",
    async (compute) => {
      const reference = torch.get("f32") ?? [];
      const ours = await oursIn(compute);
      const own = distanceOf(ours, reference);
      const theirs = distanceOf(torch.get(compute) ?? [], reference);
      const between = distanceOf(ours, torch.get(compute) ?? []);
      process.stdout.write(
        `${compute} (median, RMSE, 99 %, max of |difference of logits|): ours to float32 ${shown(own)}; torch's to float32 ${shown(theirs)}; ours to torch's ${shown(between)}\n`,
      );
      expect(own.rmse).toBeGreaterThan(0);
      // Sums are rounded at other places; neither side is the better one by more than this.
      expect(own.rmse).toBeLessThan(1.5 * theirs.rmse);
      expect(between.rmse).toBeLessThan(2 * theirs.rmse);
    },
  );
});
