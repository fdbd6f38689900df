import {
  findNativePackages,
  nativeRoot,
  type NativePackage,
} from "../runtime/backends/native/install/location.ts";
import { nativeDevices, type NativeDevices } from "../runtime/backends/native/open.ts";
import { probePackage, type NativeProbe } from "../runtime/backends/native/install/steps.ts";

export {
  installNative,
  removeNative,
  type InstalledNative,
  type InstallNativeOptions,
} from "../runtime/backends/native/install/install.ts";

/** The native builds that are there, and what they can do. */
export interface NativeStatus {
  /** The folder of installations. */
  readonly root: string;
  readonly packages: readonly NativePackageStatus[];
  readonly devices: NativeDevices;
}

/** A native package, and what a process that loaded it said. */
export interface NativePackageStatus extends NativePackage {
  /** Undefined when it does not load; `failure` then says why. */
  readonly loads: NativeProbe | undefined;
  readonly failure: string | undefined;
}

/** What native TensorFlow there is, each tried in a process of its own. */
export async function nativeStatus(
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<NativeStatus> {
  const packages: NativePackageStatus[] = [];
  for (const found of await findNativePackages()) {
    try {
      const loads = await probePackage(found.packageFolder, options);
      packages.push({ ...found, loads, failure: undefined });
    } catch (error) {
      options.signal?.throwIfAborted();
      const failure = error instanceof Error ? error.message : String(error);
      packages.push({ ...found, loads: undefined, failure });
    }
  }
  return { root: nativeRoot(), packages, devices: await nativeDevices() };
}
