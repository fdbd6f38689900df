import { expect, test } from "vitest";
import type { Binding } from "../../src/runtime/backends/native/binding.ts";
import { NativeValues, type NativeWeight } from "../../src/runtime/backends/native/values.ts";

function unused(): never {
  throw new Error("only arrays are made and freed here");
}

/** A binding that only makes and frees arrays; what else is asked of it throws. */
function arraysOnly(): {
  readonly binding: Binding;
  readonly live: Map<number, readonly number[]>;
} {
  const live = new Map<number, readonly number[]>();
  let made = 0;
  const binding: Binding = {
    TF_Version: "",
    TF_ATTR_INT: 0,
    TF_ATTR_FLOAT: 0,
    TF_ATTR_BOOL: 0,
    TF_ATTR_TYPE: 0,
    createTensor: (_shape, _dtype, data) => {
      made++;
      live.set(made, [...data]);
      return made;
    },
    deleteTensor: (id) => {
      expect(live.delete(id)).toBe(true);
    },
    tensorDataSync: unused,
    executeOp: unused,
    loadSavedModel: unused,
    runSavedModel: unused,
    deleteSavedModel: unused,
    getNumOfSavedModels: () => 0,
    isUsingGpuDevice: unused,
    getNumOfTensors: () => live.size,
  };
  return { binding, live };
}

test("a list of numbers is one array as long as it is asked for again", () => {
  const { binding, live } = arraysOnly();
  const values = new NativeValues(binding);
  const first = values.ints([1, 2, 3]);
  expect(values.ints([1, 2, 3])).toBe(first);
  expect(values.ints([1, 2])).not.toBe(first);
  expect(values.ints([3, 2, 1])).not.toBe(first);
  expect(values.ints(1)).not.toBe(first);
  expect(live.size).toBe(4);
  values.freeAll();
  expect(live.size).toBe(0);
});

test("an array that made room for others is not given again", () => {
  const { binding, live } = arraysOnly();
  const values = new NativeValues(binding);
  // As decoding asks: two lists a token, of which one grows, and single numbers between them.
  for (let token = 0; token < 700; token++) {
    for (let layer = 0; layer < 3; layer++) {
      expect(live.get(values.ints([token, 7]))).toEqual([token, 7]);
      expect(live.get(values.number(token / 4))).toEqual([token / 4]);
      expect(live.get(values.ints([0, 0, 1]))).toEqual([0, 0, 1]);
    }
  }
  expect(live.size).toBeLessThanOrEqual(256);
  expect(live.get(values.ints([0, 7]))).toEqual([0, 7]);
  values.freeAll();
  expect(live.size).toBe(0);
});

/** Weights of one number each, and an array for them on demand. */
function weightsOf(values: NativeValues, count: number) {
  const weights = Array.from({ length: count }, () =>
    values.addWeight({
      id: values.create([1], 1, Float32Array.of(1)),
      shape: [1],
      dtype: "f32",
      transposed: false,
      byteLength: 4,
    }),
  );
  const bundle = (members: readonly NativeWeight[]): number =>
    values.bundle(members, () => values.create([1], 4, Uint8Array.of(1)));
  return { weights, bundle };
}

test("a bundle of weights is one array until other weights begin with its first", () => {
  const { binding, live } = arraysOnly();
  const values = new NativeValues(binding);
  const { weights, bundle } = weightsOf(values, 3);
  const first = bundle(weights);
  expect(bundle([...weights])).toBe(first);
  expect(values.memory()).toEqual({ values: 3, bytes: 12 });
  const fewer = bundle(weights.slice(0, 2));
  expect(fewer).not.toBe(first);
  expect([live.has(first), live.has(fewer)]).toEqual([false, true]);
  values.freeAll();
  expect(live.size).toBe(0);
});

test.each([0, 1, 2])("a bundle is freed with weight %i, which it would keep in memory", (at) => {
  const { binding, live } = arraysOnly();
  const values = new NativeValues(binding);
  const { weights, bundle } = weightsOf(values, 3);
  const other = bundle(weights.slice(1, 2));
  const id = bundle(weights);
  const released = weights[at];
  if (released === undefined) throw new Error("there is no such weight");
  values.releaseWeight(released);
  expect(live.has(id)).toBe(false);
  expect(live.has(other)).toBe(at !== 1);
  values.freeAll();
  expect(live.size).toBe(0);
});
