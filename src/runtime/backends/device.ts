import { setImmediate as nextTurn } from "node:timers/promises";
import { WbError } from "../../errors/wb-error.ts";
import { checkChoice } from "../../options/values.ts";
import { ACTIVATIONS, COMPUTE_DTYPES, DEVICES } from "../../options/choices.ts";
import type { Backend } from "./backend.ts";
import { cannotRound } from "./cannot-round.ts";
import type { Activations, ComputeDtype, DeviceKind } from "./ops.ts";

export interface DeviceRequest {
  /** "auto" takes a GPU before native TensorFlow on the CPU before WebAssembly. */
  readonly device: "auto" | DeviceKind;
  readonly compute: ComputeDtype;
  /** "f32" when left out. Only the CPU's kernels have "int8". */
  readonly activations?: Activations | undefined;
  /** Lets TensorFlow print. */
  readonly verbose?: boolean;
  /** Ends before a backend's modules are loaded, which nothing can interrupt. */
  readonly signal?: AbortSignal | undefined;
}

export interface OpenedDevice extends Backend {
  /** Which device was taken and why, one line. */
  readonly why: string;
}

/**
 * Opens the device that was asked for. Only "auto" chooses, and says what it chose.
 * @throws WbError WB2001 for a device or dtype that there is not, WB6201 when an explicit device is not there, WB6203 when it cannot compute in the dtype,
 * WB6204 where activations cannot be rounded.
 */
export async function openDevice(request: DeviceRequest): Promise<OpenedDevice> {
  const { device } = request;
  // Programs in JavaScript are not held to the types.
  checkChoice("device", device, DEVICES);
  checkChoice("compute", request.compute, COMPUTE_DTYPES);
  checkChoice("activations", request.activations ?? "f32", ACTIVATIONS);
  if (request.activations === "f32" && request.compute !== "f32")
    throw new WbError("WB2001", `--activations f32: --compute ${request.compute} rounds them`, {
      details: { option: "--activations" },
    });
  // The command's own modules were loaded until here, which leaves no turn to signals.
  await nextTurn();
  request.signal?.throwIfAborted();
  if (device !== "auto") {
    const backend = await openBackend(device, request);
    return { ...backend, why: `${device}, as asked: ${backend.ops.description}` };
  }
  const { nativeDevices } = await import("./native/open.ts");
  const native = await nativeDevices();
  const isRounded = request.activations === "int8" && native.cpu;
  const chosen = isRounded ? "cpu" : native.cuda ? "cuda" : native.cpu ? "cpu" : "wasm";
  const why = isRounded ? "only it has activations in int8" : native.why;
  const backend = await openBackend(chosen, request);
  return { ...backend, why: `${chosen}, since ${why}: ${backend.ops.description}` };
}

async function openBackend(
  device: DeviceKind,
  { compute, activations = "f32", verbose = false }: DeviceRequest,
): Promise<Backend> {
  if (device !== "wasm") {
    const { openNative } = await import("./native/open.ts");
    return openNative({ device, compute, activations, verbose });
  }
  if (compute !== "f32") {
    throw new WbError("WB6203", `--device wasm: expected --compute f32, found ${compute}`, {
      details: { device: "wasm", compute },
    });
  }
  if (activations === "int8") throw cannotRound("--device wasm has no kernels for it");
  const { openWasm } = await import("./wasm/open.ts");
  return openWasm();
}
