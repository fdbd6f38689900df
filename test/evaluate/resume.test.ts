import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { evaluate } from "../../src/evaluate/run.ts";
import { caught } from "../support/caught.ts";
import { DATA, longModel, modelWithNorm, scratchFolder } from "../support/evaluation.ts";

const folder = scratchFolder();
const model = longModel(folder, "pytorch_model.bin", 512);
const options = { data: DATA, tasks: ["mmlu/anatomy", "race/high"], device: "wasm" } as const;

/** Interrupts a run when its second task is under way. */
async function interrupted(details: string): Promise<void> {
  const stop = new AbortController();
  const run = evaluate(model, {
    ...options,
    details,
    signal: stop.signal,
    onProgress: (task) => {
      if (task === "race/high") stop.abort();
    },
  });
  await expect(run).rejects.toThrow();
}

it("goes on where it was interrupted, to the same file byte for byte", async () => {
  const [whole, details] = [join(folder, "whole.jsonl"), join(folder, "details.jsonl")];
  const alone = await evaluate(model, { ...options, details: whole });
  await interrupted(details);
  expect(existsSync(details)).toBe(false);
  const part = readFileSync(`${details}.part`, "utf8");
  // The first line tells the run; a line that was cut in the middle is no item.
  expect(part.trim().split("\n").length).toBeGreaterThanOrEqual(4);
  expect(part.trim().split("\n").length).toBeLessThan(1 + alone.items.length);
  writeFileSync(`${details}.part`, `${part}{"task":"race/high","ind`);
  const resumed = await evaluate(model, { ...options, details, resume: true });
  expect(readFileSync(details)).toEqual(readFileSync(whole));
  expect(resumed.items).toEqual(alone.items);
  expect(resumed.tokens.computed).toBeLessThan(alone.tokens.computed);
  expect(existsSync(`${details}.part`)).toBe(false);
});

it("refuses the items of other weights or options, and needs a details file", async () => {
  const details = join(folder, "other.jsonl");
  await interrupted(details);
  const other = modelWithNorm(folder, 512, (bits) => bits ^ 1);
  const resumed = { ...options, details, resume: true };
  expect((await caught(() => evaluate(other, resumed))).code).toBe("WB3926");
  expect((await caught(() => evaluate(model, { ...resumed, limit: 2 }))).code).toBe("WB3926");
  expect((await caught(() => evaluate(model, { ...resumed, details: undefined }))).code).toBe(
    "WB2001",
  );
});

it("refuses a folder, a device or a pipe before anything is computed, and leaves it as it is", async () => {
  for (const [details, found] of [
    [folder, "a folder"],
    ["/dev/null", "a device or a pipe"],
  ] as const) {
    const { code, message } = await caught(() => evaluate(model, { ...options, details }));
    expect(code).toBe("WB2001");
    expect(message).toContain(`${details}: expected a file`);
    expect(message).toContain(`found ${found}`);
    expect(existsSync(`${details}.part`)).toBe(false);
  }
  expect(statSync("/dev/null").isFile()).toBe(false);
});

it("refuses to ask nothing", async () => {
  const { code, message } = await caught(() => evaluate(model, { ...options, tasks: [] }));
  expect([code, message]).toEqual([
    "WB2001",
    "--tasks: expected a task, a group or a task file, found none",
  ]);
});
