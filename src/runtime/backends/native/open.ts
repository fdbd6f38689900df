import { existsSync } from "node:fs";
import { WbError } from "../../../errors/wb-error.ts";
import { giveMemoryBack, loadBinding } from "./backend.ts";
import { cannotRound } from "../cannot-round.ts";
import { startKernels } from "./kernels.ts";
import { findNativePackages, type NativePackage } from "./install/location.ts";
import { NativeOps } from "./ops.ts";
import { NativeCalls } from "./calls.ts";
import { nativeSteps } from "./steps.ts";
import { NativeValues } from "./values.ts";
import type { Backend } from "../backend.ts";
import { GraphSession } from "../graph/session.ts";
import type { Activations, ComputeDtype } from "../ops.ts";
import { composedSteps } from "../steps/composed.ts";

export interface NativeRequest {
  readonly device: "cpu" | "cuda";
  readonly compute: ComputeDtype;
  /** "f32" when left out. */
  readonly activations?: Activations;
  readonly verbose: boolean;
}

/** What native devices look likely from outside; only loading TensorFlow proves a GPU. */
export interface NativeDevices {
  readonly cpu: boolean;
  readonly cuda: boolean;
  /** One phrase on what was found. */
  readonly why: string;
}

/** Looks for packages and for a GPU's device file; loads nothing. */
export async function nativeDevices(): Promise<NativeDevices> {
  const packages = await findNativePackages();
  if (packages.length === 0) {
    return { cpu: false, cuda: false, why: "native TensorFlow is not installed" };
  }
  const gpu = hasGpuDeviceFile();
  const cuda = packages.some(({ origin }) => origin === "cuda");
  if (cuda && gpu) return { cpu: true, cuda: true, why: "there is a GPU and a CUDA build for it" };
  if (cuda) return { cpu: true, cuda: false, why: "there is no GPU" };
  return {
    cpu: true,
    cuda: false,
    why: gpu ? "only TensorFlow's CPU build is installed" : "native TensorFlow is installed",
  };
}

/** The device file of NVIDIA's driver on Linux, or of the one that Windows lends to its Linux. */
export function hasGpuDeviceFile(): boolean {
  return existsSync("/dev/nvidiactl") || existsSync("/dev/dxg");
}

/**
 * Opens native TensorFlow on one device.
 * @throws WbError WB6201 when it is not installed or sees no GPU, WB6107 when it does not load, WB6204 where activations cannot be rounded.
 */
export async function openNative({
  device,
  compute,
  activations = "f32",
  verbose,
}: NativeRequest): Promise<Backend> {
  const chosen = choose(await findNativePackages(), device);
  if (chosen === undefined) {
    const missing = device === "cuda" ? "TensorFlow's CUDA build" : "native TensorFlow";
    throw new WbError("WB6201", `--device ${device}: ${missing} is not installed`, {
      details: { device },
      hint: `Run \`weighbridge native install${device === "cuda" ? " --cuda" : ""}\`, or use --device wasm.`,
    });
  }
  const binding = loadBinding(chosen, device === "cpu", verbose);
  if (device === "cuda" && !binding.isUsingGpuDevice()) {
    throw new WbError(
      "WB6201",
      `--device cuda: TensorFlow ${binding.TF_Version} sees no GPU on this machine`,
      {
        details: { device },
        hint: "Run again with --verbose to see TensorFlow's own reason; check `nvidia-smi`.",
      },
    );
  }
  const kernels = device === "cpu" ? startKernels(chosen.packageFolder) : undefined;
  if (activations === "int8" && (kernels === undefined || compute !== "f32"))
    throw cannotRound(
      kernels === undefined ? "this device has no kernels for it" : `it computes in ${compute}`,
    );
  const place = device === "cuda" ? "a GPU" : "the CPU";
  const own = kernels === undefined ? "" : `, with kernels for ${kernels.instructionSet}`;
  const rounded = activations === "int8" ? ", activations in int8" : "";
  const values = new NativeValues(binding);
  const calls =
    kernels === undefined ? undefined : new NativeCalls(binding, values, kernels, compute);
  const ops = new NativeOps(binding, values, calls, {
    device,
    compute,
    activations,
    description: `TensorFlow ${binding.TF_Version} on ${place} through @tensorflow/tfjs-node${own}${rounded}`,
    memoryLimit: undefined,
    weightsPass: () => {
      giveMemoryBack(chosen.packageFolder);
    },
  });
  // With our kernels, calls cost less than a tenth of a token's time: a graph would gain nothing.
  if (calls !== undefined) return { ops, steps: nativeSteps(ops, calls), keepsRows: true };
  const graphs = {
    open: (savedModel: Uint8Array, tag: string) => GraphSession.open(binding, savedModel, tag),
  };
  return { ops, steps: composedSteps(ops), graphs };
}

/** A CUDA build for a GPU; for the CPU the CPU build before the CUDA one, which can do it, too. */
function choose(
  packages: readonly NativePackage[],
  device: "cpu" | "cuda",
): NativePackage | undefined {
  const order = device === "cuda" ? ["cuda", "own"] : ["cpu", "cuda", "own"];
  for (const origin of order) {
    const found = packages.find((candidate) => candidate.origin === origin);
    if (found !== undefined) return found;
  }
  return undefined;
}
