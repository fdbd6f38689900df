import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { WbError } from "../../../errors/wb-error.ts";

/** The addon that `native install` compiles of native/kernels, for x86. */
interface KernelAddon {
  /** Those that this machine has, the better first: "avx512_bf16", "avx512", "avx2". */
  instructionSets(): readonly string[];
  /** Registers the operations with TensorFlow at the first call; later ones only choose. */
  start(instructionSet: string, threads: number): void;
  /** Bytes that `WeighbridgePack` reads when it runs; nothing takes them back. */
  lend(bytes?: Uint8Array): void;
}

/** Our kernels, once TensorFlow knows them. */
export interface Kernels {
  /** The instruction set that they use. */
  readonly instructionSet: string;
  /** Runs `work`, in which `WeighbridgePack` reads these bytes where they are. */
  lending<T>(bytes: Uint8Array, work: () => T): T;
}

/** Names the instruction set that kernels use, or "off" for TensorFlow's own operations alone. */
const SWITCH = "WEIGHBRIDGE_KERNELS";

/**
 * Starts our kernels beside a loaded TensorFlow.
 * @returns undefined where there are none for this machine or they are switched off.
 * @throws WbError WB6107 when they do not start.
 */
export function startKernels(packageFolder: string): Kernels | undefined {
  const wanted = process.env[SWITCH] ?? "";
  const path = join(packageFolder, "lib", "kernels.node");
  if (wanted === "off" || !existsSync(path)) return undefined;
  try {
    const addon: unknown = createRequire(import.meta.url)(path);
    if (!isKernelAddon(addon)) throw new Error("it does not offer what is needed");
    const chosen = wanted === "" ? addon.instructionSets()[0] : wanted;
    if (chosen === undefined) return undefined;
    addon.start(chosen, availableParallelism());
    return { instructionSet: chosen, lending: (bytes, work) => lending(addon, bytes, work) };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new WbError("WB6107", `${path}: ${reason}`, { cause: error });
  }
}

function lending<T>(addon: KernelAddon, bytes: Uint8Array, work: () => T): T {
  addon.lend(bytes);
  try {
    return work();
  } finally {
    addon.lend();
  }
}

function isKernelAddon(value: unknown): value is KernelAddon {
  return (
    typeof value === "object" &&
    value !== null &&
    ["instructionSets", "start", "lend"].every(
      (name) => typeof Reflect.get(value, name) === "function",
    )
  );
}
