import { vi } from "vitest";
import { openWasm } from "../../src/runtime/backends/wasm/open.ts";
import { sampled } from "../support/effort.ts";
import { stepDevice } from "../support/step-device.ts";
import { stepsContract } from "../support/steps-contract.ts";

/** Float32: sums of a thousand products. */
const rounding = 2e-6;

const PAIRS = [
  { threads: 2, stored: "F32" },
  { threads: 1, stored: "F32" },
  { threads: 1, stored: "BF16" },
  { threads: 2, stored: "BF16" },
] as const;

for (const { threads, stored } of sampled(PAIRS, 2)) {
  stepsContract(
    `the steps of WebAssembly on ${threads} threads with ${stored} matrices`,
    async () => stepDevice(await openWasm(threads), stored),
    { rounding, keepsBits: true },
  );
}

stepsContract(
  "the steps of TensorFlow.js alone",
  async () => {
    vi.stubEnv("WEIGHBRIDGE_KERNELS", "off");
    try {
      return stepDevice(await openWasm(1), "F32");
    } finally {
      vi.unstubAllEnvs();
    }
  },
  { rounding, keepsBits: false },
);
