import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { convert, type ConvertOptions } from "../../src/api/convert.ts";
import type { OutputPlan } from "../../src/convert/output-tensor.ts";
import { fileBytes } from "../../src/formats/file-plan.ts";
import { filesOfPart } from "../../src/convert/parts/balance.ts";
import { STAGING } from "../../src/convert/staging/target-folder.ts";
import { WbError } from "../../src/errors/wb-error.ts";
import { caught, factOf } from "../support/caught.ts";
import { runInProcess } from "../support/cli-in-process.ts";
import { failingDisk } from "../support/failing-disk.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";
import { folderDigests } from "../support/folder-digests.ts";
import { isRecord } from "../support/is-record.ts";
import { compileSchema } from "../support/json-schema.ts";
import { killConversion } from "../support/kill-conversion.ts";
import { writeLargeModel } from "../support/large-model.ts";

const TINY = join(FIXTURES, "internlm-tiny/model_state.pdparams");
const SHARD = 40_000;

let scratch = "";
let count = 0;
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), "weighbridge-parts-"));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** Names that no other test uses. */
function names(): { target: string; plan: string } {
  count++;
  return { target: join(scratch, `out-${count}`), plan: join(scratch, `plan-${count}.json`) };
}

/** A planned conversion of the small model in four files, and what it must come to. */
async function planned(
  options: ConvertOptions = {},
  source = TINY,
): Promise<{ target: string; plan: string; whole: Readonly<Record<string, string>> }> {
  const { target, plan } = names();
  const how = { maxShardSize: SHARD, ...options };
  await convert(source, `${target}-whole`, how);
  await convert(source, target, { ...how, plan });
  expect(existsSync(target)).toBe(false);
  return { target, plan, whole: folderDigests(`${target}-whole`) };
}

function fileOf(bytes: number, index: number): OutputPlan {
  return {
    name: `${index}`,
    needsCrc32: false,
    segments: [{ kind: "computed", byteLength: bytes, compute: () => new Uint8Array() }],
  };
}

function load(part: readonly OutputPlan[]): number {
  return part.reduce((sum, file) => sum + fileBytes(file), 0);
}

const MANIFEST = "weighbridge.manifest.json";

/** Digests of all but the manifest, which says which checks were given up. */
function weightsOf(digests: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(digests).filter(([name]) => name !== MANIFEST));
}

function weightsIn(target: string): Readonly<Record<string, string>> {
  return weightsOf(folderDigests(target));
}

/** The options that a manifest says gave up a check. */
function weakenedIn(target: string): readonly unknown[] {
  const manifest: unknown = JSON.parse(readFileSync(join(target, MANIFEST), "utf8"));
  const weakened = isRecord(manifest) ? manifest["weakened"] : undefined;
  return Array.isArray(weakened)
    ? weakened.map((row: unknown) => (isRecord(row) ? row["option"] : row))
    : [];
}

/** The folder in which the parts of a target meet. */
function meeting(target: string): string {
  const [folder = ""] = readdirSync(join(target, STAGING));
  return join(target, STAGING, folder);
}

describe("the union of all parts is the whole conversion, byte for byte", () => {
  test.each<[string, ConvertOptions, string]>([
    ["from Paddle", {}, "internlm-tiny/model_state.pdparams"],
    ["from PyTorch, to Paddle", { to: "paddle" }, "internlm-tiny/pytorch_model.bin"],
    ["to PyTorch, cast", { to: "pytorch", dtype: "BF16" }, "internlm-tiny"],
    ["from shards of safetensors", { dtype: "F32" }, "safetensors-sharded"],
    ["from shards of PyTorch", {}, "pytorch-sharded"],
    ["from parallel parts of Paddle", {}, "paddle-tp2"],
    ["from parallel parts of training", {}, "internlm-training"],
    ["from a legacy file", { architecture: "none" }, "pytorch-legacy"],
    ["in one file", { maxShardSize: undefined }, "internlm-tiny"],
  ])("%s", async (_what, options, source) => {
    const path = join(FIXTURES, source);
    const { target, plan, whole } = await planned(options, path);
    for (const [index, of] of [
      [2, 2],
      [1, 2],
    ] as const)
      await convert(path, target, { plan, part: { index, of } });
    expect(readdirSync(target)).toEqual([STAGING]);
    const result = await convert(path, target, { plan, finish: true });
    expect(folderDigests(target)).toEqual(whole);
    expect([result.verified, result.files.length]).toEqual([
      true,
      Object.keys(whole).filter((name) => /^(model|pytorch_model|model_state)[.-]/.test(name))
        .length,
    ]);
  });

  test("however many parts, in whatever order, counted in different ways, and more than files", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 9 }).chain((of) =>
          fc.tuple(
            fc.constant(of),
            fc.shuffledSubarray(
              Array.from({ length: of }, (_unused, at) => at + 1),
              { minLength: of },
            ),
            fc.integer({ min: 1, max: 3 }),
          ),
        ),
        async ([of, order, other]) => {
          const { target, plan, whole } = await planned();
          await convert(TINY, target, { plan, part: { index: other, of: 3 } });
          for (const index of order) await convert(TINY, target, { plan, part: { index, of } });
          await convert(TINY, target, { plan, finish: true });
          expect(folderDigests(target)).toEqual(whole);
        },
      ),
      { numRuns: 8 },
    );
  });

  test("files go to parts by their bytes, each to one", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 1_000_000 }), { minLength: 1, maxLength: 60 }),
        fc.integer({ min: 1, max: 12 }),
        (sizes, of) => {
          const files = sizes.map(fileOf);
          const parts = Array.from({ length: of }, (_unused, at) =>
            filesOfPart(files, { index: at + 1, of }),
          );
          const all = parts.flat();
          expect(all).toHaveLength(files.length);
          expect(new Set(all)).toEqual(new Set(files));
          const total = sizes.reduce((sum, size) => sum + size, 0);
          // Graham: no part is longer than the mean and one largest file.
          expect(Math.max(...parts.map(load))).toBeLessThanOrEqual(total / of + Math.max(...sizes));
        },
      ),
    );
  });
});

describe("parts that are stopped", () => {
  test("by SIGKILL at any moment, --finish too, are run again and give the same bytes", async () => {
    const source = join(scratch, "large");
    await writeLargeModel(source);
    const { target, plan } = names();
    const how = ["--max-shard-size", "4000000"];
    const begin = performance.now();
    await killConversion([source, `${target}-whole`, ...how], "SIGKILL", 60_000);
    const milliseconds = performance.now() - begin;
    const whole = folderDigests(`${target}-whole`);
    const done = { code: 0, signal: null };
    let killed = 0;
    for (let run = 0; run < 5; run++) {
      rmSync(target, { recursive: true, force: true });
      expect(
        await killConversion([source, target, ...how, "--plan", plan], "SIGKILL", 60_000),
      ).toEqual(done);
      const steps = [1, 2, 3].map((index) => ["--part", `${index}/3`]);
      for (const [at, step] of [...steps, ["--finish"]].entries()) {
        const args = [source, target, "--plan", plan, ...step];
        const moment = ((run * 4 + at + 1) * 0.618_034) % 1;
        const end = await killConversion(args, "SIGKILL", moment * milliseconds);
        if (end.code !== 0) killed++;
        for (const [name, digest] of Object.entries(folderDigests(target))) {
          if (!name.startsWith(STAGING)) expect([name, digest]).toEqual([name, whole[name]]);
        }
        if (end.code !== 0) expect(await killConversion(args, "SIGKILL", 60_000)).toEqual(done);
      }
      expect(folderDigests(target)).toEqual(whole);
    }
    expect(killed).toBeGreaterThan(5);
  }, 240_000);

  test("behind the last file are found done, whatever is left of their folder", async () => {
    const { target, plan, whole } = await planned();
    await convert(TINY, target, { plan, part: { index: 1, of: 1 } });
    const folder = meeting(target);
    await convert(TINY, target, { plan, finish: true });
    for (const left of [[], ["committing"], ["committing", "model-00001-of-00004.json"]]) {
      mkdirSync(folder, { recursive: true });
      for (const name of left) writeFileSync(join(folder, name), "");
      await convert(TINY, target, { plan, finish: true });
      expect([left, folderDigests(target)]).toEqual([left, whole]);
      expect(existsSync(join(target, STAGING))).toBe(false);
    }
  });

  test("by a disk that fails at any change are run again", async () => {
    const { target, plan, whole } = await planned();
    const steps: readonly ConvertOptions[] = [
      { plan, part: { index: 1, of: 1 } },
      { plan, finish: true },
    ];
    for (const step of steps) {
      let failAt = 0;
      for (;;) {
        const disk = failingDisk(failAt, "EIO");
        const error = await convert(TINY, target, { ...step, fileSystem: disk }).then(
          () => undefined,
          (failure: unknown) => failure,
        );
        for (const [name, digest] of Object.entries(folderDigests(target))) {
          if (!name.startsWith(STAGING)) expect([name, digest]).toEqual([name, whole[name]]);
        }
        if (error === undefined) break;
        expect(error).toBeInstanceOf(WbError);
        failAt += step.finish === true ? 1 : 7;
      }
      expect(failAt).toBeGreaterThan(10);
    }
    expect(folderDigests(target)).toEqual(whole);
  });

  test("by their caller leave no half file, and nothing at all where nothing was finished", async () => {
    const { target, plan } = await planned();
    const signal = AbortSignal.abort(new WbError("WB9001", "interrupted"));
    const error = await caught(() =>
      convert(TINY, target, { plan, part: { index: 1, of: 2 }, signal }),
    );
    expect(error.code).toBe("WB9001");
    expect(existsSync(target)).toBe(false);
  });

  test("and never come back leave a folder that a later part removes after an hour", async () => {
    const { target, plan } = await planned();
    await convert(TINY, target, { plan, part: { index: 1, of: 2 } });
    const [old, young] = ["runner-old", "runner-young"].map((name) => join(meeting(target), name));
    for (const path of [old ?? "", young ?? ""]) {
      mkdirSync(path);
      writeFileSync(join(path, "model-00001-of-00004.safetensors"), "half");
    }
    const anHourAgo = new Date(Date.now() - 61 * 60_000);
    utimesSync(join(old ?? "", "model-00001-of-00004.safetensors"), anHourAgo, anHourAgo);
    utimesSync(old ?? "", anHourAgo, anHourAgo);
    utimesSync(young ?? "", anHourAgo, anHourAgo);
    await convert(TINY, target, { plan, part: { index: 1, of: 2 } });
    expect([existsSync(old ?? ""), existsSync(young ?? "")]).toEqual([false, true]);
  });
});

describe("parts that meet", () => {
  test("two processes with the same part, and two that finish, do no harm", async () => {
    const { target, plan, whole } = await planned();
    const twice = async (options: ConvertOptions): Promise<void> => {
      const ends = await Promise.allSettled([
        convert(TINY, target, { plan, ...options }),
        convert(TINY, target, { plan, ...options }),
      ]);
      expect(ends.some(({ status }) => status === "fulfilled")).toBe(true);
    };
    for (const index of [1, 2]) await twice({ part: { index, of: 2 } });
    await twice({ finish: true });
    expect(folderDigests(target)).toEqual(whole);
  });

  test("a part that is there is read back and kept, a damaged one is written again", async () => {
    const { target, plan } = await planned();
    const part = { index: 1, of: 2 };
    const first = await convert(TINY, target, { plan, part });
    expect([first.step, first.weightsSha256]).toEqual([{ kind: "part", part, kept: [] }, null]);
    const [name = "", other = ""] = first.files;
    const path = join(meeting(target), name);
    const before = statSync(path).mtimeMs;
    const again = await convert(TINY, target, { plan, part });
    expect(again.step).toEqual({ kind: "part", part, kept: first.files });
    expect(again.tensors).toEqual(first.tensors);
    expect(statSync(path).mtimeMs).toBe(before);
    const bytes = readFileSync(path);
    writeFileSync(path, bytes.with(bytes.length - 1, (bytes.at(-1) ?? 0) ^ 1));
    truncateSync(join(meeting(target), other), 100);
    const mended = await convert(TINY, target, { plan, part });
    expect(mended.step).toEqual({ kind: "part", part, kept: [] });
    expect(readFileSync(path)).toEqual(bytes);
  });

  test("a conversion that is not split and one in parts refuse each other's work", async () => {
    const { target, plan } = await planned();
    await convert(TINY, target, { plan, part: { index: 1, of: 2 } });
    for (const options of [{}, { resume: true }]) {
      const error = await caught(() => convert(TINY, target, options));
      expect([error.code, error.message]).toEqual(["WB2904", expect.stringContaining("parts")]);
    }
    rmSync(target, { recursive: true });
    mkdirSync(join(target, STAGING), { recursive: true });
    writeFileSync(join(target, STAGING, "journal.jsonl"), "");
    const error = await caught(() => convert(TINY, target, { plan, part: { index: 1, of: 2 } }));
    expect(error.code).toBe("WB2904");
  });

  test("a target that holds files is refused at every step, and replaced with --force", async () => {
    const { target, plan, whole } = await planned();
    await convert(TINY, target, { to: "paddle" });
    const occupied = folderDigests(target);
    for (const step of [
      { plan, maxShardSize: SHARD },
      { plan, part: { index: 1, of: 1 } },
      { plan, finish: true },
    ])
      expect((await caught(() => convert(TINY, target, step))).code).toBe("WB2901");
    await convert(TINY, target, { plan, part: { index: 1, of: 1 }, force: true });
    expect(folderDigests(target)).toMatchObject(occupied);
    await convert(TINY, target, { plan, finish: true, force: true });
    expect(weightsIn(target)).toEqual(weightsOf(whole));
    expect(weakenedIn(target)).toEqual(["--force"]);
    // A part that is started again after the end finds that all is done, and only then.
    await convert(TINY, target, { plan, finish: true });
    const weights = join(target, "model-00002-of-00004.safetensors");
    const bytes = readFileSync(weights);
    writeFileSync(weights, bytes.with(bytes.length - 1, (bytes.at(-1) ?? 0) ^ 1));
    const error = await caught(() => convert(TINY, target, { plan, finish: true }));
    expect(error.code).toBe("WB2901");
  });
});

describe("--finish", () => {
  test("names what is missing and what was damaged, and puts nothing in place", async () => {
    const { target, plan } = await planned();
    const finish = (): Promise<WbError> =>
      caught(() => convert(TINY, target, { plan, finish: true }));
    const nothing = await finish();
    expect([nothing.code, factOf(nothing, "parts")]).toEqual(["WB3902", []]);
    expect(existsSync(target)).toBe(false);
    const { files } = await convert(TINY, target, { plan, part: { index: 2, of: 3 } });
    await convert(TINY, target, { plan, part: { index: 1, of: 3 } });
    const damaged = join(meeting(target), files[0] ?? "");
    const bytes = readFileSync(damaged);
    writeFileSync(damaged, bytes.with(bytes.length - 1, (bytes.at(-1) ?? 0) ^ 1));
    const error = await finish();
    expect(error.code).toBe("WB3902");
    expect(error.message.replaceAll(target, "OUT")).toMatchInlineSnapshot(
      `"OUT: of 4 files 3 are not there yet: model-00003-of-00004.safetensors is missing, model-00004-of-00004.safetensors is missing, model-00001-of-00004.safetensors is damaged; run --part 2/3, 3/3"`,
    );
    expect(error.details).toMatchObject({ damaged: files, parts: ["2/3", "3/3"] });
    expect(readdirSync(target)).toEqual([STAGING]);
  });

  test("with --no-verify looks at receipts and lengths alone", async () => {
    const { target, plan, whole } = await planned();
    await convert(TINY, target, { plan, part: { index: 1, of: 1 }, verify: false });
    const name = "model-00002-of-00004.safetensors";
    const path = join(meeting(target), name);
    truncateSync(path, 1000);
    const options = { plan, finish: true, verify: false };
    const error = await caught(() => convert(TINY, target, options));
    expect(factOf(error, "missing")).toEqual([name]);
    await convert(TINY, target, { plan, part: { index: 1, of: 1 }, verify: false });
    const receipt = `${path}.receipt.json`;
    const text = readFileSync(receipt, "utf8");
    for (const damage of ["", "[]", "{}", text.slice(0, 60), text.replace('"model.', '"m.')]) {
      writeFileSync(receipt, damage);
      expect((await caught(() => convert(TINY, target, options))).code).toBe("WB3902");
    }
    writeFileSync(receipt, text);
    expect((await convert(TINY, target, options)).verified).toBe(false);
    expect(weightsIn(target)).toEqual(weightsOf(whole));
    expect(weakenedIn(target)).toEqual(["--no-verify"]);
  });
});

describe("a plan", () => {
  test("is made again without harm, and not over another one", async () => {
    const { target, plan } = await planned();
    const again = await convert(TINY, target, { plan, maxShardSize: SHARD });
    expect(again.step).toMatchObject({ kind: "plan", written: false });
    const other = { plan, maxShardSize: 2 * SHARD };
    expect((await caught(() => convert(TINY, target, other))).code).toBe("WB2901");
    expect((await convert(TINY, target, { ...other, force: true })).step).toMatchObject({
      written: true,
    });
  });

  test("fits its schema", async () => {
    const { plan } = await planned({ dtype: "BF16", architecture: "internlm", layout: "torch" });
    const validate = compileSchema("convert-plan", true);
    validate(JSON.parse(readFileSync(plan, "utf8")));
    expect(validate.errors ?? []).toEqual([]);
  });

  test("is refused for a source that changed, by content, by time or by its headers", async () => {
    mkdirSync(join(scratch, "changing"));
    const source = join(scratch, "changing/source.bin");
    const original = join(FIXTURES, "internlm-tiny/pytorch_model.bin");
    copyFileSync(original, source);
    const times = statSync(source);
    const { target, plan } = await planned({}, source);
    const part = (): Promise<WbError> =>
      caught(() => convert(source, target, { plan, part: { index: 1, of: 1 } }));
    utimesSync(source, times.atime, new Date(times.mtimeMs + 5000));
    expect([(await part()).code, factOf(await part(), "what")]).toEqual([
      "WB2905",
      "source.bin (bytes, time or tag)",
    ]);
    copyFileSync(join(FIXTURES, "pytorch-bf16/pytorch_model.bin"), source);
    utimesSync(source, times.atime, times.mtime);
    expect((await part()).code).toBe("WB2905");
    const finish = { plan, finish: true };
    expect((await caught(() => convert(source, target, finish))).code).toBe("WB2905");
    const elsewhere = { plan, part: { index: 1, of: 1 } };
    expect((await caught(() => convert(TINY, target, elsewhere))).code).toBe("WB2905");
    expect(existsSync(target)).toBe(false);
  });

  test("is refused with other options than its own", async () => {
    const { target, plan } = await planned({ dtype: "BF16" });
    const part = { index: 1, of: 1 };
    const error = await caught(() => convert(TINY, target, { plan, part, dtype: "F32" }));
    expect([error.code, factOf(error, "what")]).toEqual(["WB2905", "dtype"]);
    const same = await convert(TINY, target, { plan, part, dtype: "BF16", maxShardSize: SHARD });
    expect(same.step?.kind).toBe("part");
  });

  test.each<[string, string, (plan: Record<string, unknown>) => unknown]>([
    ["a file above its folder", "WB5901", (p) => ({ ...p, files: [{ name: "../x", bytes: 1 }] })],
    ["an absolute file", "WB5901", (p) => ({ ...p, files: [{ name: "/etc/x", bytes: 1 }] })],
    ["a file of a drive", "WB5901", (p) => ({ ...p, files: [{ name: "C:x", bytes: 1 }] })],
    ["a source above", "WB5901", (p) => ({ ...p, sources: [{ name: "..", version: "" }] })],
    ["another version", "WB4902", (p) => ({ ...p, schemaVersion: 2 })],
    ["another kind", "WB3901", (p) => ({ ...p, kind: "x" })],
    ["no files", "WB3901", ({ files: _files, ...p }) => p],
    ["other files", "WB3901", (p) => ({ ...p, planSha256: "0".repeat(64) })],
    ["another weighbridge", "WB2905", (p) => ({ ...p, weighbridge: "0.0.9" })],
    ["other options", "WB3901", (p) => ({ ...p, options: { maxShardSize: 2 * SHARD } })],
    ["a target that there is not", "WB3901", (p) => ({ ...p, options: { to: "onnx" } })],
    ["a target that has no parts", "WB2702", (p) => ({ ...p, options: { to: "gguf" } })],
    ["an option of another kind", "WB3901", (p) => ({ ...p, options: { to: [] } })],
    ["a size that is no size", "WB3901", (p) => ({ ...p, options: { maxShardSize: "x" } })],
    ["a list", "WB3901", () => []],
  ])("that a stranger changed to have %s is refused with %s", async (_what, code, edit) => {
    const { target, plan } = await planned();
    const value: unknown = JSON.parse(readFileSync(plan, "utf8"));
    if (!isRecord(value)) throw new Error("a plan is an object");
    writeFileSync(plan, JSON.stringify(edit({ ...value })));
    for (const step of [{ part: { index: 1, of: 1 } }, { finish: true }])
      expect((await caught(() => convert(TINY, target, { plan, ...step }))).code).toBe(code);
    expect(existsSync(target)).toBe(false);
  });

  test("that is no JSON, or not there, is refused", async () => {
    const { target, plan } = names();
    const step = { plan, finish: true };
    expect((await caught(() => convert(TINY, target, step))).code).toBe("WB3001");
    writeFileSync(plan, "{");
    expect((await caught(() => convert(TINY, target, step))).code).toBe("WB3901");
  });
});

describe("on the command line", () => {
  test("the steps print documents that fit the schema, and exit as the table says", async () => {
    const { target, plan } = names();
    const fits = async (...words: readonly string[]): Promise<number> => {
      const args = ["convert", TINY, target, ...words, "--json"];
      const { stdout, status } = await runInProcess(args);
      const validate = compileSchema("convert", true);
      validate(JSON.parse(stdout));
      expect(validate.errors ?? []).toEqual([]);
      return status;
    };
    expect(await fits("--finish")).toBe(2);
    expect(await fits("--part", "1/2")).toBe(2);
    expect(await fits("--plan", plan, "--part", "1/2", "--finish")).toBe(2);
    expect(await fits("--plan", plan, "--dry-run")).toBe(2);
    expect(await fits("--plan", plan, "--delta", TINY)).toBe(2);
    expect(await fits("--plan", join(target, "plan.json"))).toBe(2);
    expect(await fits("--plan", plan, "--part", "1/2")).toBe(3);
    expect(await fits("--plan", plan, "--max-shard-size", "40KB")).toBe(0);
    for (const part of ["0/2", "3/2", "1", "1/0", "a/b"])
      expect(await fits("--plan", plan, "--part", part)).toBe(2);
    expect(await fits("--plan", plan, "--part", "1/2")).toBe(0);
    expect(await fits("--plan", plan, "--finish")).toBe(3);
    expect(await fits("--plan", plan, "--part", "2/2")).toBe(0);
    expect(await fits("--plan", plan, "--finish")).toBe(0);
    const edited = readFileSync(plan, "utf8").replaceAll("model-0", "../model-0");
    writeFileSync(plan, edited);
    expect(await fits("--plan", plan, "--part", "1/2")).toBe(5);
  });
});
