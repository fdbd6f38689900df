import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { expect, test } from "vitest";
import {
  WasmKernels,
  loadKernels,
  type KernelModule,
} from "../../src/runtime/backends/wasm/kernels.ts";
import { PAGE_BYTES } from "../../src/runtime/backends/wasm/memory.ts";
import { WasmValues } from "../../src/runtime/backends/wasm/values.ts";
import { caught } from "../support/caught.ts";

const ROOT = join(import.meta.dirname, "../..");

/** A product that is worth threads, whose first sum is printed; nothing is freed or closed. */
const PROGRAM = `
const { openWasm } = await import(${JSON.stringify(join(ROOT, "dist/runtime/backends/wasm/open.js"))});
const { ops } = await openWasm(4);
const bytes = new Uint8Array(new Float32Array(2048 * 2048).fill(0.5).buffer);
const weight = ops.uploadWeight({ name: "w", bytes, dtype: "F32", shape: [2048, 2048], transposed: false });
const x = ops.upload(new Float32Array(8 * 2048).fill(1), [8, 2048]);
const end = performance.now() + 300;
let sum = 0;
while (performance.now() < end) {
  const y = ops.linear(x, weight);
  sum = ops.read(y)[0];
  ops.free(y);
}
console.log(sum);
`;

function runs(...flags: readonly string[]): string {
  const args = [...flags, "--no-warnings", "--input-type=module", "--eval", PROGRAM];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    encoding: "utf8",
    timeout: 30_000,
  });
  expect(stderr).toBe("");
  expect(status).toBe(0);
  return stdout;
}

test("threads do not keep a process alive that did not end them", () => {
  expect(runs()).toBe("1024\n");
});

test("where a process may have no threads, one computes the same", () => {
  // Node 20 has the flag as an experiment only, Node 26 no longer.
  const names = process.allowedNodeEnvironmentFlags;
  const flag = names.has("--permission") ? "--permission" : "--experimental-permission";
  expect(runs(flag, "--allow-fs-read=*")).toBe("1024\n");
});

test("opening wasm leaves no listener on the process, and none of the application's is taken", () => {
  const program = `
    const { openWasm } = await import(${JSON.stringify(join(ROOT, "dist/runtime/backends/wasm/open.js"))});
    const own = (error) => { throw error; };
    const names = ["unhandledRejection", "uncaughtException"];
    for (const name of names) process.on(name, own);
    const before = process.eventNames().map((name) => [String(name), process.listenerCount(name)]);
    const opening = openWasm();
    const late = () => {};
    process.on("unhandledRejection", late);
    await opening;
    process.removeListener("unhandledRejection", late);
    const after = process.eventNames().map((name) => [String(name), process.listenerCount(name)]);
    console.log(JSON.stringify(after) === JSON.stringify(before) ? "same" : JSON.stringify({ before, after }));
  `;
  const args = ["--no-warnings", "--input-type=module", "--eval", program];
  const { stdout } = spawnSync(process.execPath, args, { encoding: "utf8", timeout: 30_000 });
  expect(stdout).toBe("same\n");
});

function compiled(): KernelModule {
  const module = loadKernels();
  if (module === undefined) throw new Error("this engine has no kernels");
  return module;
}

test("work that breaks off is an error, and nothing is computed on that memory afterwards", async () => {
  const kernels = new WasmKernels(compiled(), 2);
  const { calls } = kernels;
  // The matrix is behind the end of the memory.
  kernels.memory.wordsAt(4096, 5).set([2 ** 31, 0, 0, 2 ** 31, 4096]);
  const sizes = { x: 65536, rows: 1, inputs: 4096, layers: 4096, count: 1, gated: 0 };
  const work = (scratch: number): number => calls.linear({ ...sizes, scratch });
  const first = await caught(() => {
    kernels.share(2 ** 24, calls.linearScratchBytes({}), work);
  });
  expect(first.code).toBe("WB6202");
  expect(first.message).toMatch(/^the WebAssembly kernels failed: memory access out of bounds/);
  const second = await caught(() => {
    kernels.share(1, calls.linearScratchBytes({}), () => 1);
  });
  expect(second.message).toMatch(/an earlier piece of work broke off/);
  kernels.close();
});

test("a thread that breaks off alone does not leave the caller waiting", async () => {
  const kernels = new WasmKernels(compiled(), 2);
  const { calls } = kernels;
  // All there is of the memory but 128 bytes, which the two workspaces get that are asked for.
  const [begin, size] = [PAGE_BYTES, 256 * PAGE_BYTES];
  expect(kernels.memory.allocate(size - 128, "a test")).toBe(begin);
  const [x, matrix, result] = [begin, begin + 2 ** 20, begin + 2 ** 22];
  kernels.memory.wordsAt(4096, 5).set([matrix, 1, 0, result, 4096]);
  // Halves are widened in a thread's workspace: the caller's is the last that there is room for.
  const scratch = begin + size - calls.linearScratchBytes({});
  const work = { x, rows: 64, inputs: 64, layers: 4096, count: 1, gated: 0, scratch };
  const broken = async (): Promise<void> => {
    const end = performance.now() + 30_000;
    while (performance.now() < end) {
      kernels.share(2 ** 24, 64, () => calls.linear(work));
      await setTimeout(1);
    }
  };
  const error = await caught(broken);
  expect(error.code).toBe("WB6202");
  expect(error.message).toBe("the WebAssembly kernels failed: a thread broke off");
  kernels.close();
});

test("the end of the memory of 4 GiB is an error with what did not fit", async () => {
  const values = new WasmValues(compiled(), 1);
  const error = await caught(() => {
    for (let count = 0; count < 17; count++) values.create([2 ** 26]);
  });
  expect(error.code).toBe("WB6003");
  expect(error.message).toMatchInlineSnapshot(
    `"the WebAssembly memory of 4 GiB has no room for an array of 268435456 bytes"`,
  );
  expect(values.memory().values).toBe(15);
  values.freeAll();
  expect(values.memory()).toEqual({ values: 0, bytes: 0 });
});
