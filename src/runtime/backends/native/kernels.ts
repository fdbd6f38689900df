import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { WbError } from "../../../errors/wb-error.ts";

/** The addon that `native install` compiles of native/kernels, for x86. */
interface KernelAddon {
  /** Those that this machine has, the better first: "avx512_bf16", "avx512", "avx2". */
  instructionSets(): readonly string[];
  /** The operations that it registers with TensorFlow. */
  operationNames(): readonly string[];
  /** Names of the sizes of an operation, in the order of its input; none where it has no such operation. */
  sizeNames(operation: string): readonly string[];
  /** The types that a matrix may be packed in; the operations take a type's place in this list. */
  typeNames(): readonly string[];
  /** Registers the operations with TensorFlow at the first call; later ones only choose. */
  start(instructionSet: string, threads: number): void;
  /** Bytes that `WeighbridgePack` reads when it runs; nothing takes them back. */
  lend(bytes?: Uint8Array): void;
}

/** The sizes that each operation takes, by the names that native/kernels/operations.cc has for them. */
export interface KernelSizes {
  readonly WeighbridgeLayers: CacheSizes &
    Sizes<
      "layers" | "tables" | "batch" | "tokens" | "heads" | "groups" | "size" | "rotated" | "length"
    > &
    Sizes<"cached" | "masked">;
  readonly WeighbridgeAttention: CacheSizes &
    Sizes<"batch" | "heads" | "groups" | "tokens" | "size" | "length">;
  readonly WeighbridgeRotate: Sizes<"tables" | "batch" | "heads" | "tokens" | "size">;
  readonly WeighbridgePack: Sizes<"from" | "kept" | "transposed" | "rounds" | "outputs" | "inputs">;
  readonly WeighbridgeGrow: Sizes<"stacks" | "before" | "length" | "capacity" | "size">;
  readonly WeighbridgeAppend: Sizes<"stacks" | "capacity" | "at" | "tokens" | "size">;
}

/** What is asked of the addon; one of another version may lack some. */
const OPERATIONS: readonly string[] = [
  "WeighbridgeLinear",
  "WeighbridgeBundle",
  "WeighbridgeLayers",
  "WeighbridgeLogSums",
  "WeighbridgeAttention",
  "WeighbridgeNorm",
  "WeighbridgeRotate",
  "WeighbridgePack",
  "WeighbridgeGrow",
  "WeighbridgeAppend",
];

type Sizes<Name extends string> = Readonly<Record<Name, number>>;

/** Rows that the cached keys, and the cached values, have room for. */
type CacheSizes = Sizes<"keyCapacity" | "valueCapacity">;

/** Our kernels, once TensorFlow knows them. */
export interface Kernels {
  /** The instruction set that they use. */
  readonly instructionSet: string;
  /** The numbers of an operation's sizes, in the order that it takes them in. @throws WbError WB6107 where it takes others. */
  sizesOf<Name extends keyof KernelSizes>(
    operation: Name,
    sizes: KernelSizes[Name],
  ): readonly number[];
  /** The number of a type that a matrix may be packed in: "f32", "Q8_0"; undefined where there is none of that name. */
  typeNumber(name: string): number | undefined;
  /** Runs `work`, in which `WeighbridgePack` reads these bytes where they are. */
  lending<T>(bytes: Uint8Array, work: () => T): T;
}

/** Names the instruction set that kernels use, or "off" for TensorFlow's own operations alone. */
const SWITCH = "WEIGHBRIDGE_KERNELS";

const INSTALL_AGAIN =
  "Run `weighbridge native install` again, which compiles them of this version's sources.";

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
    if (!isKernelAddon(addon)) throw new Error("it is of another version");
    const offered = addon.operationNames();
    const missing = OPERATIONS.filter((name) => !offered.includes(name));
    if (missing.length > 0) throw new Error(`it has no ${missing.join(", ")}`);
    const chosen = wanted === "" ? addon.instructionSets()[0] : wanted;
    if (chosen === undefined) return undefined;
    addon.start(chosen, availableParallelism());
    return {
      instructionSet: chosen,
      sizesOf: sizeOrder(addon, path),
      typeNumber: numberIn(addon.typeNames()),
      lending: (bytes, work) => lending(addon, bytes, work),
    };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    if (error instanceof WbError) throw error;
    throw new WbError("WB6107", `${path}: ${reason}`, {
      details: { path },
      cause: error,
      hint: INSTALL_AGAIN,
    });
  }
}

function numberIn(names: readonly string[]): Kernels["typeNumber"] {
  const numbers = new Map(names.map((name, number) => [name, number]));
  return (name) => numbers.get(name);
}

/** Puts sizes in order by their names; an addon of another version may have others. */
function sizeOrder(addon: KernelAddon, path: string): Kernels["sizesOf"] {
  const known = new Map<string, readonly string[]>();
  return (operation, sizes) => {
    const given: Readonly<Record<string, number>> = sizes;
    const names = known.get(operation) ?? addon.sizeNames(operation);
    if (!known.has(operation)) checkNames(operation, names, Object.keys(given), path);
    known.set(operation, names);
    return names.map((name) => given[name] ?? 0);
  };
}

/** @throws WbError WB6107 unless both are the same names. */
function checkNames(
  operation: string,
  taken: readonly string[],
  given: readonly string[],
  path: string,
): void {
  if (taken.toSorted().join() === given.toSorted().join()) return;
  throw new WbError(
    "WB6107",
    `${path}: its ${operation} takes ${taken.join(", ")}, and was given ${given.join(", ")}`,
    { details: { path }, hint: INSTALL_AGAIN },
  );
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
    ["instructionSets", "operationNames", "sizeNames", "typeNames", "start", "lend"].every(
      (name) => typeof Reflect.get(value, name) === "function",
    )
  );
}
