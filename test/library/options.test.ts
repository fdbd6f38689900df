import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { convert, planConversion } from "../../src/library/convert.ts";
import { check, inspect, openCheckpoint, readTensor, scan } from "../../src/library/formats.ts";
import { generate, logits, openGenerator, openRuntime } from "../../src/library/runtime.ts";
import { compareLogits, diff, recordGolden, verify } from "../../src/library/verify.ts";
import { optionalChoice, optionalSize } from "../../src/cli/arguments.ts";
import { DEVICES, TARGET_DTYPES } from "../../src/options/choices.ts";
import { f16ToF32Bits } from "../../src/tensor/float-bits.ts";
import { caught } from "../support/caught.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";

const TINY = join(FIXTURES, "internlm-tiny");

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "weighbridge-library-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Calls a function as code without types may. */
function call(callee: (...args: never[]) => unknown, ...args: readonly unknown[]): unknown {
  const result: unknown = Reflect.apply(callee, undefined, args);
  return result;
}

type Call = (options: unknown) => unknown;
const CALLS: Readonly<Record<string, Call>> = {
  convert: (options) => call(convert, TINY, join(folder, "never"), options),
  planConversion: (options) => call(planConversion, TINY, options),
  inspect: (options) => call(inspect, TINY, options),
  check: (options) => call(check, TINY, options),
  scan: (options) => call(scan, TINY, options),
  openCheckpoint: (options) => call(openCheckpoint, TINY, options),
  diff: (options) => call(diff, TINY, TINY, options),
  verify: (options) => call(verify, TINY, options),
  recordGolden: (options) => call(recordGolden, TINY, join(folder, "never"), options),
  logits: (options) => call(logits, TINY, options),
  generate: (options) => call(generate, TINY, options),
  openGenerator: (options) => call(openGenerator, TINY, options),
  openRuntime: (options) =>
    call(openRuntime, TINY, options, () => {
      throw new Error("not asked");
    }),
};

/** A function, options that it cannot have, and what it says. */
const WRONG: readonly (readonly [callee: string, options: unknown, message: string])[] = [
  [
    "convert",
    { dtype: "bf16" },
    'dtype: expected one of keep, F32, F16, BF16, found "bf16"; did you mean BF16?',
  ],
  ["convert", { dtype: "float16" }, "did you mean F16?"],
  ["convert", { maxShardSize: "40XB" }, 'maxShardSize: expected a size such as 4GiB, found "40XB"'],
  ["convert", { maxShardSize: -1 }, "maxShardSize: expected a size such as 4GiB, found -1"],
  [
    "convert",
    { maxShradSize: 1 },
    "convert has no option maxShradSize; did you mean maxShardSize?",
  ],
  ["convert", { delta: "vicuna" }, 'convert: options: expected an object, found "vicuna"'],
  ["convert", { delta: { paht: "x" } }, "convert has no option delta.paht"],
  ["convert", { part: { index: 0, of: 2 } }, "part: expected a part {index, of}, counted from 1"],
  ["convert", { force: "yes" }, 'force: expected true or false, found "yes"'],
  ["convert", { signal: {} }, "signal: expected an AbortSignal, found {}"],
  ["convert", [], "convert: options: expected an object, found []"],
  ["convert", null, "convert: options: expected an object, found null"],
  ["planConversion", { layout: "pytorch" }, "did you mean torch?"],
  ["inspect", { architectur: "none" }, "did you mean architecture?"],
  ["check", { deep: true }, "check has no option deep"],
  ["scan", { format: "sarif" }, "scan has no option format"],
  ["openCheckpoint", { signals: 1 }, "did you mean signal?"],
  ["diff", { maxAbs: "1e-3" }, 'maxAbs: expected a number, found "1e-3"'],
  ["verify", { profile: "strikt" }, "did you mean strict?"],
  ["verify", { maxAbs: Number.NaN }, "maxAbs: expected a number, found NaN"],
  ["verify", { toleranceProfile: "strict" }, "verify has no option toleranceProfile"],
  ["recordGolden", { greedyTokens: 1.5 }, "greedyTokens: expected a whole number of at least 0"],
  [
    "logits",
    { prompts: [{ ids: [1] }] },
    'prompts[0]: expected { kind: "text", text } or { kind: "ids", ids }, found {"ids":[1]}',
  ],
  ["logits", { prompts: ["hello"] }, 'prompts[0]: expected { kind: "text", text }'],
  ["logits", { prompts: "hello" }, 'prompts: expected a list of prompts, found "hello"'],
  ["logits", { prompts: [{ kind: "ids", ids: [1, "2"] }] }, "prompts[0]: expected"],
  ["logits", { prompts: [], positions: "first" }, 'positions: expected "all", "last" or a list'],
  ["generate", { prompts: [{ text: "hello" }] }, "prompts[0]: expected"],
  ["generate", undefined, "generate: options: expected an object, found null"],
  [
    "generate",
    { chat: { conversations: [["hi"]] } },
    "chat.conversations: expected a list of conversations",
  ],
  [
    "openGenerator",
    { device: "gpu" },
    'device: expected one of auto, cuda, cpu, wasm, found "gpu"; did you mean cuda?',
  ],
  ["openRuntime", { compute: "fp16" }, "did you mean f16?"],
  ["openRuntime", { maxMemory: "a lot" }, "maxMemory: expected a size such as 4GiB"],
];

describe("the options of a function", () => {
  it.each(WRONG)("are refused by %s: %j", async (callee, options, message) => {
    const error = await caught(() => CALLS[callee]?.(options));
    expect(error.code).toBe("WB2001");
    expect(error.message).toContain(message);
    expect(readdirSync(folder)).toEqual([]);
  });

  it("are checked by every function", () => {
    expect(new Set(WRONG.map(([callee]) => callee))).toEqual(new Set(Object.keys(CALLS)));
  });

  it("have the messages of the command line", async () => {
    const cli = await caught(() => optionalChoice({ dtype: "BF61" }, "dtype", TARGET_DTYPES));
    const own = await caught(() => CALLS["convert"]?.({ dtype: "BF61" }));
    expect(cli.message).toBe(`--${own.message}`);
    const size = await caught(() => optionalSize({ "max-memory": "much" }, "max-memory"));
    const ours = await caught(() => CALLS["openRuntime"]?.({ maxMemory: "much" }));
    expect(size.message.replace("--max-memory", "maxMemory")).toBe(ours.message);
    const gpu = await caught(() => optionalChoice({ device: "gpu" }, "device", DEVICES));
    expect(gpu.message).toContain("did you mean cuda?");
  });

  it.each(["", 7, undefined])("and paths that are none are refused: %j", async (path) => {
    const error = await caught(() => call(inspect, path));
    expect(error.code).toBe("WB2001");
    expect(error.message).toContain("inspect: path: expected the path of a file or folder");
  });

  it("take a size as the command line does", async () => {
    const target = join(folder, "sharded");
    const { files } = await convert(TINY, target, { maxShardSize: "40KB" });
    expect(files.length).toBe(5);
    rmSync(target, { recursive: true });
  });
});

describe("readTensor", () => {
  it("gives the elements of a view in order, as bytes and as numbers", async () => {
    const { checkpoint } = await openCheckpoint(join(TINY, "pytorch_model.bin"));
    try {
      const { dtype, shape, bytes, values } = await readTensor(checkpoint, "model.norm.weight");
      expect([dtype, shape, bytes.byteLength]).toEqual(["F16", [32], 64]);
      const half = f16ToF32Bits(new Uint16Array(bytes.buffer, bytes.byteOffset, 32)[7] ?? 0);
      expect(values()[7]).toBe(new Float32Array(Uint32Array.of(half).buffer)[0]);
      expect(values().length).toBe(32);
      const error = await caught(() => readTensor(checkpoint, "model.nrom.weight"));
      expect([error.code, error.details]).toEqual([
        "WB2001",
        { tensor: "model.nrom.weight", near: "model.norm.weight" },
      ]);
    } finally {
      await checkpoint.close();
    }
  });

  it("asks which rank is meant", async () => {
    const { checkpoint } = await openCheckpoint(join(FIXTURES, "paddle-tp2"));
    try {
      const [tensor] = checkpoint.tensors;
      if (tensor?.rank === undefined) throw new Error("no ranks");
      const error = await caught(() => readTensor(checkpoint, tensor.name));
      expect(error.message).toContain("ranks have a tensor");
      const { shape } = await readTensor(checkpoint, tensor.name, tensor.rank);
      expect(shape).toEqual(tensor.shape);
    } finally {
      await checkpoint.close();
    }
  });
});

describe("compareLogits", () => {
  const rows = Float32Array.from([1, 2, 3, 4, 5, 6]);

  it("gives the figures of two rows", () => {
    const other = Float32Array.from([1, 2, 3, 4, 6.5, 6]);
    const { positions, maxAbs, top1Agreement, worst } = compareLogits(other, rows, 3);
    expect([positions, maxAbs, top1Agreement]).toEqual([2, 1.5, 0.5]);
    expect(worst).toEqual({ position: 1, token: 1, ours: 6.5, reference: 5 });
  });

  it.each([
    [() => compareLogits(rows.subarray(1), rows, 3), "expected 6 logits as the reference, found 5"],
    [() => compareLogits(rows, rows, 4), "expected a divisor of the reference's 6 logits, found 4"],
    [
      () => compareLogits(new Float32Array(0), new Float32Array(0), 3),
      "a divisor of the reference's 0",
    ],
    [() => call(compareLogits, [1], rows, 3), "ours: expected a Float32Array, found [1]"],
    [() => compareLogits(rows, rows, 3, { positions: [1] }), "expected 2 positions, one a row"],
  ])("refuses what cannot be compared: %#", async (work, message) => {
    const error = await caught(work);
    expect(error.code).toBe("WB2001");
    expect(error.message).toContain(message);
  });

  it("lets no NaN pass a gate", () => {
    const broken = Float32Array.from([1, Number.NaN, 3, 4, 5, 6]);
    expect(compareLogits(broken, rows, 3).maxAbs <= 1e9).toBe(false);
  });
});
