import { expect } from "vitest";
import type { Backend } from "../../src/runtime/backends/backend.ts";
import { bytesOf, type StoredDtype } from "./exact-numbers.ts";
import type { Given, PlainSteps, StepDevice } from "./step-cases.ts";

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
      const layers = weights.map(({ data, shape }) => ({
        weight: ops.uploadWeight({
          name: "w",
          bytes: bytesOf(data, stored),
          dtype: stored,
          shape,
          transposed: false,
        }),
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
