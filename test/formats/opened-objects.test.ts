import { describe, expect, it } from "vitest";
import type { PickleReduce, PickleValue } from "../../src/formats/pickle/value.ts";
import { chooseState, flattenChosen } from "../../src/formats/pytorch/choose-state.ts";
import { openObjects } from "../../src/formats/pytorch/opened-objects.ts";

/** In these values a number stands for a tensor. */
const isTensor = (value: PickleValue): boolean => typeof value === "number";

function dict(entries: Readonly<Record<string, PickleValue>>): PickleValue {
  return { kind: "dict", entries: Object.entries(entries) };
}

function object(made: Partial<PickleReduce>, module = "lib", name = "Own"): PickleReduce {
  return {
    kind: "reduce",
    callable: { kind: "global", module, name, offset: 0 },
    args: { kind: "tuple", items: [] },
    offset: 0,
    items: [],
    entries: [],
    ...made,
  };
}

/** Names of the tensors that are taken of a file, and what is left out. */
function taken(root: PickleValue): { names: readonly string[]; left: readonly string[] } {
  const chosen = chooseState(openObjects(root, isTensor), "f", isTensor);
  const leaves = flattenChosen(chosen, "f", isTensor);
  return {
    names: leaves.filter(({ value }) => isTensor(value)).map(({ name }) => name),
    left: [
      ...chosen.leftOut.map(({ name }) => name),
      ...leaves.filter(({ value }) => !isTensor(value)).map(({ name }) => name),
    ],
  };
}

describe("an object of an unknown class gives the tensors that it holds", () => {
  it.each<[string, PickleValue, readonly string[]]>([
    [
      "a subclass of a dict",
      object({
        entries: [
          ["a", 1],
          ["b", 2],
        ],
      }),
      ["a", "b"],
    ],
    ["one of a list", object({ items: [1, 2] }), ["0", "1"]],
    ["attributes", object({ state: dict({ w: 1, n: "x" }) }), ["w"]],
    ["slots", object({ state: { kind: "tuple", items: [null, dict({ w: 1 })] } }), ["w"]],
    ["a named tuple", object({ args: { kind: "tuple", items: [1, "x"] } }), ["0"]],
    [
      "entries that are attributes too",
      object({ entries: [["a", 1]], state: dict({ a: 1 }) }),
      ["a"],
    ],
    ["one in another", object({ entries: [["x", object({ state: dict({ w: 1 }) })]] }), ["x.w"]],
    ["a state of another kind", object({ state: { kind: "list", items: [1] } }), ["state.0"]],
  ])("%s", (_what, value, names) => {
    expect(taken(value).names).toEqual(names);
    expect(taken(dict({ state_dict: value, epoch: "3" })).names).toEqual(names);
  });

  it("and stays one value where it holds none, or is an optimizer of torch's", () => {
    const plain = object({ state: dict({ lr: "0.1" }) });
    const optimizer = object({ state: dict({ exp_avg: 1 }) }, "torch.optim.adam", "Adam");
    const root = dict({ model: dict({ a: 1 }), plain, optim1: optimizer });
    expect(taken(root)).toEqual({ names: ["a"], left: ["plain", "optim1"] });
  });

  it("and is a record beside a model, with its tensors counted", () => {
    const config = object({ state: dict({ w: 1 }) });
    const chosen = chooseState(
      openObjects(dict({ model: dict({ a: 1 }), cfg: config }), isTensor),
      "f",
      isTensor,
    );
    expect(chosen.leftOut).toEqual([{ name: "cfg", why: "a record of the training, 1 tensor" }]);
  });

  it("also where it holds itself", () => {
    const own = object({ entries: [["a", 1]] });
    own.entries.push(["self", own]);
    expect(taken(dict({ model: own })).names).toEqual(["a"]);
  });
});

describe("what holds no tensors beside a model", () => {
  it("may be called as a tensor is, and may have keys that are no names", () => {
    const tuple: PickleValue = { kind: "tuple", items: ["1", "2"] };
    const cache: PickleValue = { kind: "dict", entries: [[tuple, "3"]] };
    const root = dict({ model: dict({ a: 1 }), a: "text", cache });
    const { names, left } = taken(root);
    expect(names).toEqual(["a"]);
    expect(left[0]).toBe("a");
    expect(left).toHaveLength(2);
  });
});
