import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { openDevice } from "../../src/runtime/backends/device.ts";
import { installNative, removeNative } from "../../src/runtime/backends/native/install/install.ts";
import {
  findNativePackages,
  nativeRoot,
} from "../../src/runtime/backends/native/install/location.ts";
import { nativeDevices } from "../../src/runtime/backends/native/open.ts";
import { pinsOf } from "../../src/runtime/backends/native/install/pins.ts";
import { lastLines, runProcess } from "../../src/runtime/backends/native/install/process.ts";
import { caught } from "../support/caught.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "weighbridge-native-"));
  vi.stubEnv("WEIGHBRIDGE_NATIVE_FOLDER", root);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(root, { recursive: true });
});

async function pretendInstalled(variant: "cpu" | "cuda", marker: string): Promise<void> {
  await mkdir(join(root, variant));
  await writeFile(join(root, variant, "installed.json"), marker);
}

describe("where native TensorFlow is", () => {
  test("is the named folder, else the user's cache", () => {
    expect(nativeRoot({ WEIGHBRIDGE_NATIVE_FOLDER: "/a" })).toBe("/a");
    expect(nativeRoot({ XDG_CACHE_HOME: "/b" })).toBe("/b/weighbridge/native");
    expect(nativeRoot({})).toMatch(/\/\.cache\/weighbridge\/native$/);
  });

  test("a folder without the marker that is written last is not an installation", async () => {
    await mkdir(join(root, "cpu"));
    expect(await findNativePackages()).toEqual([]);
    await writeFile(join(root, "cpu", "installed.json"), '{"tensorflow":"2.21.0"}');
    const found = await findNativePackages();
    expect(found.map(({ origin, tensorflow }) => [origin, tensorflow])).toEqual([
      ["cpu", "2.21.0"],
    ]);
  });

  test.each(["{", "[]", '{"tensorflow":1}'])("a damaged marker %s is an error", async (marker) => {
    await pretendInstalled("cpu", marker);
    expect((await caught(() => findNativePackages())).code).toBe("WB6107");
  });

  test("remove takes all away, also what is unfinished", async () => {
    await pretendInstalled("cpu", '{"tensorflow":"2.21.0"}');
    await mkdir(join(root, "cuda.partial"));
    expect(await removeNative()).toEqual([join(root, "cpu"), join(root, "cuda.partial")]);
    expect(await removeNative()).toEqual([]);
    expect(await findNativePackages()).toEqual([]);
  });
});

describe("devices", () => {
  test("nothing installed: auto is wasm and says why, cpu and cuda are errors with the way out", async () => {
    expect(await nativeDevices()).toEqual({
      cpu: false,
      cuda: false,
      why: "native TensorFlow is not installed",
    });
    const { ops, why } = await openDevice({ device: "auto", compute: "f32" });
    expect(ops.device).toBe("wasm");
    expect(why).toMatch(/^wasm, since native TensorFlow is not installed: TensorFlow\.js/);
    for (const device of ["cpu", "cuda"] as const) {
      const error = await caught(() => openDevice({ device, compute: "f32" }));
      expect(error.code).toBe("WB6201");
      expect(error.hint).toContain(`native install${device === "cuda" ? " --cuda" : ""}`);
    }
  });

  test("a package that does not load is an error, not another device", async () => {
    await pretendInstalled("cpu", '{"tensorflow":"2.21.0"}');
    const error = await caught(() => openDevice({ device: "auto", compute: "f32" }));
    expect(error.code).toBe("WB6107");
  });

  test.each([
    [
      "gpu",
      "f32",
      'device: expected one of auto, cuda, cpu, wasm, found "gpu"; did you mean cuda?',
    ],
    [
      "wsam",
      "f32",
      'device: expected one of auto, cuda, cpu, wasm, found "wsam"; did you mean wasm?',
    ],
    [7, "f32", "device: expected one of auto, cuda, cpu, wasm, found 7"],
    ["wasm", "fp32", 'compute: expected one of f32, f16, bf16, found "fp32"; did you mean f32?'],
  ])("%o in %s is an error that names what there is", async (device, compute, message) => {
    const request: unknown = { device, compute };
    const error = await caught(() => Reflect.apply(openDevice, undefined, [request]));
    expect([error.code, error.message]).toEqual(["WB2001", message]);
  });

  test("wasm computes in float32 only", async () => {
    const error = await caught(() => openDevice({ device: "wasm", compute: "bf16" }));
    expect(error.code).toBe("WB6203");
  });
});

describe("installing", () => {
  test("needs an interpreter with pip", async () => {
    const missing = await caught(() => installNative({ variant: "cpu", python: "/no/python" }));
    expect(missing.code).toBe("WB6102");
    const other = await caught(() => installNative({ variant: "cpu", python: "false" }));
    expect(other.code).toBe("WB6102");
  });

  test("needs a compiler", async () => {
    vi.stubEnv("CXX", "/no/compiler");
    // `true` passes for an interpreter with pip.
    const error = await caught(() => installNative({ variant: "cpu", python: "true" }));
    expect(error.code).toBe("WB6103");
  });

  test("refuses to run twice at once, and takes over from a process that is gone", async () => {
    await writeFile(join(root, "cpu.lock"), String(process.pid));
    const running = await caught(() => installNative({ variant: "cpu", python: "false" }));
    expect(running.code).toBe("WB6002");
    await writeFile(join(root, "cpu.lock"), "999999999");
    const gone = await caught(() => installNative({ variant: "cpu", python: "false" }));
    expect(gone.code).toBe("WB6102");
  });

  test("stops at a signal", async () => {
    const signal = AbortSignal.abort(new Error("stop"));
    await expect(installNative({ variant: "cpu", signal })).rejects.toThrow("stop");
  });

  test("has pins for Linux, and none elsewhere", () => {
    expect(pinsOf("linux-x64", "cpu")?.wheels.length).toBe(1);
    expect(pinsOf("linux-x64", "cuda")?.wheels.length).toBe(13);
    expect(pinsOf("linux-arm64", "cuda")).toBeUndefined();
    expect(pinsOf("win32-x64", "cpu")).toBeUndefined();
  });
});

describe("running a program", () => {
  test("gives its code and both streams", async () => {
    const script = "console.log('out'); console.error('err'); process.exit(3)";
    const { code, output } = await runProcess(process.execPath, ["-e", script]);
    expect(code).toBe(3);
    expect(output).toContain("out\n");
    expect(output).toContain("err\n");
  });

  test("that is not there tells why", async () => {
    expect((await runProcess("/no/program", [])).startFailure).toBe("ENOENT");
  });

  test("ends it at a signal", async () => {
    const abort = new AbortController();
    const running = runProcess(process.execPath, ["-e", "setInterval(() => {}, 1000)"], {
      signal: abort.signal,
    });
    setTimeout(() => {
      abort.abort(new Error("enough"));
    }, 50);
    await expect(running).rejects.toThrow("enough");
  });

  test("its last lines make a message", () => {
    expect(lastLines("a\nb\nc\n", 2)).toBe("b\nc");
  });
});
