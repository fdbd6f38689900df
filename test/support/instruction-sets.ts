import { afterAll, beforeAll, describe, expect, vi } from "vitest";
import { findNativePackages } from "../../src/runtime/backends/native/install/location.ts";
import { startKernels } from "../../src/runtime/backends/native/kernels.ts";

/** Runs the tests that `define` makes with the native kernels of each instruction set, or of what the machine has of it. */
export function withEachInstructionSet(define: () => void): void {
  describe.each(["avx512_bf16", "avx512", "avx2"])(
    "kernels for %s, or for what the machine has of it",
    (instructionSet) => {
      beforeAll(async () => {
        vi.stubEnv("WEIGHBRIDGE_KERNELS", instructionSet);
        const cpu = (await findNativePackages()).find(({ origin }) => origin === "cpu");
        try {
          startKernels(cpu?.packageFolder ?? "");
        } catch (error) {
          expect(String(error)).toContain("does not have that instruction set");
        }
      });
      afterAll(() => {
        vi.unstubAllEnvs();
      });
      define();
    },
  );
}
