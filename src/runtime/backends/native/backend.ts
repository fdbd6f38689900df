import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { WbError } from "../../../errors/wb-error.ts";
import { isBinding, type Binding } from "./binding.ts";
import type { NativePackage } from "./install/location.ts";

/** What is loaded: TensorFlow sees the devices of its first load, and a process loads it once. */
interface Loaded {
  readonly binding: Binding;
  readonly packageFolder: string;
  readonly hidesGpu: boolean;
}

let loaded: Loaded | undefined;

/**
 * Loads the addon of @tensorflow/tfjs-node. The only place that does.
 * @param hideGpu Makes it run on the CPU also where there is a GPU.
 * @param verbose Lets TensorFlow print; else stderr is off while it loads.
 * @throws WbError WB6107.
 */
export function loadBinding(
  { packageFolder }: NativePackage,
  hideGpu: boolean,
  verbose: boolean,
): Binding {
  if (loaded !== undefined) {
    if (loaded.packageFolder === packageFolder && loaded.hidesGpu === hideGpu)
      return loaded.binding;
    throw new WbError(
      "WB6107",
      `${packageFolder}: TensorFlow was already loaded for another device in this process`,
      { details: { path: packageFolder }, hint: "Use one native device a process." },
    );
  }
  if (hideGpu) process.env["CUDA_VISIBLE_DEVICES"] = "-1";
  // TensorFlow's own pool keeps a model's memory for the process after the model was freed, so that the next one would be streamed for
  // want of room; the system's allocator gives it back, at the same speed.
  process.env["TF_ONEDNN_USE_SYSTEM_ALLOCATOR"] ??= "1";
  if (!verbose) {
    process.env["TF_CPP_MIN_LOG_LEVEL"] ??= "3";
    process.env["TF_CPP_MAX_VLOG_LEVEL"] ??= "-1";
  }
  const silence = verbose ? undefined : processAddon(packageFolder);
  silence?.mute();
  let binding: unknown;
  try {
    binding = bindingOf(createRequire(import.meta.url)(packageFolder));
  } catch (error) {
    const reason = error instanceof Error ? error.message.split("\n")[0] : String(error);
    throw new WbError("WB6107", `${packageFolder}: ${reason}`, {
      details: { path: packageFolder },
      cause: error,
    });
  } finally {
    silence?.unmute();
  }
  if (!isBinding(binding)) {
    throw new WbError("WB6107", `${packageFolder}: its addon does not offer what is needed`, {
      details: { path: packageFolder },
    });
  }
  loaded = { binding, packageFolder, hidesGpu: hideGpu };
  return binding;
}

/** `backend().binding` of the package: its addon. */
function bindingOf(module: unknown): unknown {
  if (typeof module !== "object" || module === null) return undefined;
  const backend: unknown = Reflect.get(module, "backend");
  if (typeof backend !== "function") return undefined;
  const opened: unknown = Reflect.apply(backend, module, []);
  return typeof opened === "object" && opened !== null ? Reflect.get(opened, "binding") : undefined;
}

/** The addon of native/quiet.cc. */
interface ProcessAddon {
  mute(): void;
  unmute(): void;
  giveBack?(): void;
}

/**
 * Makes the system's allocator give memory back as soon as it is freed, where weights come and go: it would keep a part, beyond what
 * may be used. Large arrays take a little longer from then on.
 */
export function giveMemoryBack(packageFolder: string): void {
  processAddon(packageFolder)?.giveBack?.();
}

/** The addon that `native install` compiles beside TensorFlow's; a user's own package has none. */
function processAddon(packageFolder: string): ProcessAddon | undefined {
  const path = join(packageFolder, "lib", "quiet.node");
  if (!existsSync(path)) return undefined;
  const addon: unknown = createRequire(import.meta.url)(path);
  return isProcessAddon(addon) ? addon : undefined;
}

function isProcessAddon(value: unknown): value is ProcessAddon {
  return (
    typeof value === "object" &&
    value !== null &&
    typeof Reflect.get(value, "mute") === "function" &&
    typeof Reflect.get(value, "unmute") === "function"
  );
}
