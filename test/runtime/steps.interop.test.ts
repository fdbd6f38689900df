import { vi } from "vitest";
import type { Backend } from "../../src/runtime/backends/backend.ts";
import { openNative } from "../../src/runtime/backends/native/open.ts";
import type { ComputeDtype } from "../../src/runtime/backends/ops.ts";
import { graphStepDevice } from "../support/graph-step-device.ts";
import { stepDevice } from "../support/step-device.ts";
import { stepsContract } from "../support/steps-contract.ts";

/** Sums of a thousand products in float32, and one rounding to each half dtype. */
const ROUNDING: Readonly<Record<ComputeDtype, number>> = {
  f32: 2e-6,
  f16: 2 ** -10,
  bf16: 2 ** -7,
};

/** With our kernels, or with TensorFlow's own operations, as on a GPU. */
async function open(compute: ComputeDtype, kernels: "" | "off"): Promise<Backend> {
  if (kernels !== "") vi.stubEnv("WEIGHBRIDGE_KERNELS", kernels);
  try {
    return await openNative({ device: "cpu", compute, verbose: false });
  } finally {
    vi.unstubAllEnvs();
  }
}

const STORED = { f32: "F32", f16: "F16", bf16: "BF16" } as const;

for (const compute of ["f32", "f16", "bf16"] as const) {
  stepsContract(
    `the native kernels' steps in ${compute}`,
    async () => stepDevice(await open(compute, ""), STORED[compute]),
    { rounding: ROUNDING[compute], keepsBits: true },
  );
  stepsContract(
    `the steps of TensorFlow's own operations in ${compute}`,
    async () => stepDevice(await open(compute, "off"), STORED[compute]),
    { rounding: ROUNDING[compute], keepsBits: false },
  );
}

stepsContract(
  "the steps of a graph",
  async () => {
    const { graphs } = await open("f32", "off");
    if (graphs === undefined) throw new Error("TensorFlow's own operations run no graphs");
    return graphStepDevice(graphs);
  },
  { rounding: ROUNDING.f32, keepsBits: false },
);
