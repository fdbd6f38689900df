import { createRequire } from "node:module";
import { join } from "node:path";
import { findNativePackages } from "../../src/runtime/backends/native/install/location.ts";

/** The kernels' own switch, which `openNative` sets to all there are. */
export async function useThreads(threads: number, description: string): Promise<void> {
  const cpu = (await findNativePackages()).find(({ origin }) => origin === "cpu");
  const path = join(cpu?.packageFolder ?? "", "lib", "kernels.node");
  const addon: unknown = createRequire(import.meta.url)(path);
  const start: unknown = typeof addon === "object" && addon !== null && Reflect.get(addon, "start");
  if (typeof start !== "function") throw new Error("no kernels");
  Reflect.apply(start, addon, [/with kernels for (\w+)/.exec(description)?.[1], threads]);
}
