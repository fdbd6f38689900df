import { WbError } from "../../errors/wb-error.ts";
import { checkChoice } from "../../options/values.ts";
import { COMPUTE_DTYPES, DEVICES } from "../../options/choices.ts";
import type { Backend } from "./backend.ts";
import type { ComputeDtype, DeviceKind } from "./ops.ts";

export interface DeviceRequest {
  /** "auto" takes a GPU before native TensorFlow on the CPU before WebAssembly. */
  readonly device: "auto" | DeviceKind;
  readonly compute: ComputeDtype;
  /** Lets TensorFlow print. */
  readonly verbose?: boolean;
}

export interface OpenedDevice extends Backend {
  /** Which device was taken and why, one line. */
  readonly why: string;
}

/**
 * Opens the device that was asked for. Only "auto" chooses, and says what it chose.
 * @throws WbError WB2001 for a device or dtype that there is not, WB6201 when an explicit device is not there, WB6203 when it cannot compute in the dtype.
 */
export async function openDevice(request: DeviceRequest): Promise<OpenedDevice> {
  const { device } = request;
  // Programs in JavaScript are not held to the types.
  checkChoice("device", device, DEVICES);
  checkChoice("compute", request.compute, COMPUTE_DTYPES);
  if (device !== "auto") {
    const backend = await openBackend(device, request);
    return { ...backend, why: `${device}, as asked: ${backend.ops.description}` };
  }
  const { nativeDevices } = await import("./native/open.ts");
  const native = await nativeDevices();
  const chosen = native.cuda ? "cuda" : native.cpu ? "cpu" : "wasm";
  const backend = await openBackend(chosen, request);
  return { ...backend, why: `${chosen}, since ${native.why}: ${backend.ops.description}` };
}

async function openBackend(
  device: DeviceKind,
  { compute, verbose = false }: DeviceRequest,
): Promise<Backend> {
  if (device !== "wasm") {
    const { openNative } = await import("./native/open.ts");
    return openNative({ device, compute, verbose });
  }
  if (compute !== "f32") {
    throw new WbError("WB6203", `--device wasm: expected --compute f32, found ${compute}`, {
      details: { device: "wasm", compute },
    });
  }
  const { openWasm } = await import("./wasm/open.ts");
  return openWasm();
}
