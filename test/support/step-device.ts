import { expect } from "vitest";
import type { Backend } from "../../src/runtime/backends/backend.ts";
import type { Ops, Weight } from "../../src/runtime/backends/ops.ts";
import { bytesOf, type StoredDtype } from "./exact-numbers.ts";
import type { Given, PlainSteps, StepDevice } from "./step-cases.ts";

/** As the runtime does it: blocks where the device takes them, else their numbers in float32. */
function uploadedTo(ops: Ops, { data, shape, blocks }: Given, stored: StoredDtype): Weight {
  if (blocks !== undefined && ops.quantised?.elementBytes(blocks.type) !== undefined)
    return ops.quantised.upload({ name: "w", shape, ...blocks });
  const dtype = blocks === undefined ? stored : "F32";
  const bytes = bytesOf(data, dtype);
  return ops.uploadWeight({ name: "w", bytes, dtype, shape, transposed: false });
}

/** A device whose steps run as they are called. @param stored What its matrices are stored as. */
export function stepDevice({ ops, steps, keepsRows }: Backend, stored: StoredDtype): StepDevice {
  const upload = ({ data, shape }: Given) => ops.upload(data, shape);
  const plain: PlainSteps = {
    ...steps,
    rotate: (x, cos, sin) =>
      steps.rotate(x, { cos: upload(cos), sin: upload(sin), pairs: "halves" }),
    attention: (...given) => steps.attention(...given),
  };
  return {
    keepsBits: keepsRows === true,
    refuses: [],
    run: (values, weights, work) => {
      const before = ops.memory();
      const layers = weights.map((given) => ({
        weight: uploadedTo(ops, given, stored),
        bias: undefined,
      }));
      let found = new Float32Array(0);
      ops.scope(() => {
        found = ops.read(work(plain, values.map(upload), layers)).slice();
        return undefined;
      });
      for (const { weight } of layers) ops.releaseWeight(weight);
      expect(ops.memory()).toEqual(before);
      return Promise.resolve(found);
    },
    close: () => {
      ops.dispose();
    },
  };
}
