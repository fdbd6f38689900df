import { statfs } from "node:fs/promises";
import { totalmem } from "node:os";
import { WbError } from "../errors/wb-error.ts";
import { hasGpuDeviceFile } from "../runtime/backends/native/open.ts";
import { runProcess } from "../runtime/backends/native/install/process.ts";
import type { DeviceKind } from "../runtime/backends/ops.ts";
import { nativeStatus, type NativePackageStatus, type NativeStatus } from "./native.ts";

/** The range of package.json's "engines". */
const NODE_RANGE = ">=20.19";
const NODE_AT_LEAST: readonly [number, number] = [20, 19];

/** What streamed logits of a 7B model take, in bytes. */
const STREAMED_7B_BYTES = 4e9;

/** What a 7B model takes in half dtypes when it is resident, in bytes. */
const RESIDENT_7B_BYTES = 18e9;

/** What a converted copy of a 7B model takes on disk, in bytes. */
const CONVERTED_7B_BYTES = 15e9;

/** One thing that weighbridge needs of the machine. */
export interface DoctorCheck {
  readonly name: string;
  /** "advice" keeps nothing from working. */
  readonly status: "ok" | "advice" | "problem";
  readonly found: string;
  readonly needed: string;
  /** What to do; empty when all is well. */
  readonly fix: string;
}

/** A device, and whether it can be used. */
export interface DoctorDevice {
  readonly device: DeviceKind;
  readonly usable: boolean;
  readonly description: string;
  /** Whether a token's logits have the same bits whatever tokens and texts are beside it; false where it is not usable. */
  readonly keepsBits: boolean;
}

/** What is said of devices that run TensorFlow's own operations. */
const OWN_OPERATIONS =
  "TensorFlow's own operations, which do not keep a token's bits: they depend on the tokens beside it";

/** All checks, and the devices that there are. */
export interface DoctorReport {
  readonly ok: boolean;
  readonly checks: readonly DoctorCheck[];
  readonly devices: readonly DoctorDevice[];
}

/** Looks at what weighbridge needs from this machine. Loads native TensorFlow in processes of its own. */
export async function doctor(
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<DoctorReport> {
  const wasm = await wasmDevice();
  const native = await nativeStatus(options);
  const gpu = await gpuName(options.signal);
  const devices = [...nativeDevicesOf(native), wasm];
  const checks = [
    nodeCheck(process.versions.node),
    wasmCheck(wasm),
    nativeCheck(native),
    cudaCheck(native, gpu),
    memoryCheck(process.availableMemory()),
    await diskCheck(process.cwd()),
  ];
  return { ok: checks.every(({ status }) => status !== "problem"), checks, devices };
}

export function nodeCheck(version: string): DoctorCheck {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [leastMajor, leastMinor] = NODE_AT_LEAST;
  const fits = major > leastMajor || (major === leastMajor && minor >= leastMinor);
  return {
    name: "node",
    status: fits ? "ok" : "problem",
    found: version,
    needed: NODE_RANGE,
    fix: fits ? "" : "Install Node 24, or 22 or 26.",
  };
}

async function wasmDevice(): Promise<DoctorDevice> {
  const { openWasm } = await import("../runtime/backends/wasm/open.ts");
  try {
    const { ops, keepsRows = false } = await openWasm();
    return { device: "wasm", usable: true, description: ops.description, keepsBits: keepsRows };
  } catch (error) {
    if (!(error instanceof WbError)) throw error;
    return { device: "wasm", usable: false, description: error.message, keepsBits: false };
  }
}

function wasmCheck({ usable, description }: DoctorDevice): DoctorCheck {
  return {
    name: "wasm",
    status: usable ? "ok" : "problem",
    found: description,
    needed:
      "TensorFlow.js's WebAssembly backend and kernels of our own, parts of weighbridge; SIMD for their speed",
    fix: usable ? "" : "npm ci",
  };
}

function tensorflowOf(version: string | undefined): string {
  return version === undefined ? "not installed" : `TensorFlow ${version}`;
}

function cpuDescription(loads: NativePackageStatus["loads"]): string {
  if (loads === undefined) return tensorflowOf(undefined);
  const how = loads.kernels === null ? OWN_OPERATIONS : `with kernels for ${loads.kernels}`;
  return `${tensorflowOf(loads.tensorflow)}, ${how}`;
}

function nativeDevicesOf({ packages }: NativeStatus): readonly DoctorDevice[] {
  const working = packages.filter(({ loads }) => loads !== undefined);
  const withGpu = working.find(({ loads }) => loads?.gpu === true);
  const [first] = working;
  return [
    {
      device: "cuda",
      usable: withGpu !== undefined,
      description:
        withGpu === undefined
          ? "no GPU build that sees a GPU"
          : `${tensorflowOf(withGpu.loads?.tensorflow)}, ${OWN_OPERATIONS}`,
      keepsBits: false,
    },
    {
      device: "cpu",
      usable: first !== undefined,
      description: cpuDescription(first?.loads),
      keepsBits: typeof first?.loads?.kernels === "string",
    },
  ];
}

function nativeCheck({ packages }: NativeStatus): DoctorCheck {
  const broken = packages.find(({ loads }) => loads === undefined);
  const working = packages.find(({ loads }) => loads !== undefined);
  const needed = "TensorFlow for half dtypes and speed; wasm works without";
  if (broken !== undefined) {
    return {
      name: "native",
      status: "problem",
      found: `${broken.packageFolder} does not load: ${broken.failure ?? ""}`,
      needed,
      fix:
        broken.origin === "own"
          ? "Remove that package or mend it; weighbridge can build its own: weighbridge native install."
          : `weighbridge native install${broken.origin === "cuda" ? " --cuda" : ""} --force`,
    };
  }
  return {
    name: "native",
    status: working === undefined ? "advice" : "ok",
    found:
      working === undefined
        ? "not installed"
        : `TensorFlow ${working.loads?.tensorflow ?? ""} (${working.origin})`,
    needed,
    fix: working === undefined ? "weighbridge native install" : "",
  };
}

function cudaCheck({ packages }: NativeStatus, gpu: string | undefined): DoctorCheck {
  const needed = "an NVIDIA GPU with its driver, for --device cuda";
  if (gpu === undefined) {
    return { name: "cuda", status: "ok", found: "no NVIDIA GPU", needed, fix: "" };
  }
  const seen = packages.some(({ loads }) => loads?.gpu === true);
  const built = packages.some(({ origin }) => origin === "cuda");
  return {
    name: "cuda",
    status: seen ? "ok" : "advice",
    found: `${gpu}${seen ? "" : "; TensorFlow does not see it"}`,
    needed,
    fix: seen
      ? ""
      : built
        ? "Check that the driver is of version 525 or newer."
        : "weighbridge native install --cuda",
  };
}

/** Names and memory of the GPUs as the driver tells them, or undefined when there is none. */
async function gpuName(signal: AbortSignal | undefined): Promise<string | undefined> {
  const { code, output } = await runProcess(
    "nvidia-smi",
    ["--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"],
    { signal },
  );
  if (code === 0 && output.trim() !== "") return output.trim().replaceAll("\n", "; ");
  return hasGpuDeviceFile() ? "a GPU whose driver does not answer" : undefined;
}

export function memoryCheck(available: number): DoctorCheck {
  const found = `${gigabytes(available)} of ${gigabytes(totalmem())} available`;
  const needed = `${gigabytes(STREAMED_7B_BYTES)} for logits of a 7B model, ${gigabytes(RESIDENT_7B_BYTES)} to generate with it resident`;
  if (available < STREAMED_7B_BYTES) {
    return {
      name: "memory",
      status: "advice",
      found,
      needed,
      fix: "Close other programs; smaller models and conversions still work.",
    };
  }
  return { name: "memory", status: "ok", found, needed, fix: "" };
}

async function diskCheck(folder: string): Promise<DoctorCheck> {
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  const enough = free >= CONVERTED_7B_BYTES;
  return {
    name: "disk",
    status: enough ? "ok" : "advice",
    found: `${gigabytes(free)} free in the working directory`,
    needed: `${gigabytes(CONVERTED_7B_BYTES)} for a converted 7B model`,
    fix: enough ? "" : "Convert to a folder on another disk.",
  };
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
