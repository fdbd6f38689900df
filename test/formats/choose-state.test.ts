import { describe, expect, it } from "vitest";
import type { PickleValue } from "../../src/formats/pickle/value.ts";
import {
  chooseState,
  flattenChosen,
  isCounter,
  type ChosenState,
} from "../../src/formats/pytorch/choose-state.ts";
import { keyText } from "../../src/formats/pytorch/state-dict.ts";
import { memorySource } from "../../src/sources/file.ts";
import { caught, factOf } from "../support/caught.ts";

/** A value as a pickle has it: a number stands for a tensor. */
type Shape = number | string | null | readonly Shape[] | { readonly [key: string]: Shape };

function pickled(value: Shape): PickleValue {
  if (value === null || typeof value !== "object") return value;
  if (isList(value)) return { kind: "list", items: value.map(pickled) };
  return {
    kind: "dict",
    entries: Object.entries(value).map(([key, item]) => [key, pickled(item)]),
  };
}

function isList(value: Shape): value is readonly Shape[] {
  return Array.isArray(value);
}

/** A module that was pickled whole. */
function module(fields: { readonly [key: string]: PickleValue }): PickleValue {
  const empty: PickleValue = { kind: "dict", entries: [] };
  const state = { _parameters: empty, _buffers: empty, _modules: empty, ...fields };
  return {
    kind: "reduce",
    callable: { kind: "global", module: "net", name: "Net", offset: 0 },
    args: { kind: "tuple", items: [] },
    offset: 0,
    items: [],
    entries: [],
    state: { kind: "dict", entries: Object.entries(state) },
  };
}

const isTensor = (value: PickleValue): boolean => typeof value === "number";

function choose(value: Shape, select?: string): ChosenState {
  return chooseState(pickled(value), "f", isTensor, select);
}

function names(chosen: ChosenState): readonly string[] {
  return flattenChosen(chosen, "f", isTensor)
    .filter(({ value }) => isTensor(value))
    .map(({ name }) => name);
}

const STATE = { "fc.weight": 1, "fc.bias": 2 };
const OPTIMIZER = { state: { a: { step: 1, exp_avg: 2 } }, param_groups: [{ lr: "0.1" }] };

describe("of a training checkpoint", () => {
  it.each([
    ["optimizer_g", "the optimizer's state"],
    ["model_optim", "the optimizer's state"],
    ["g_scheduler", "the state of a schedule or a scaler"],
    ["ema_weights", "a moving average of the weights"],
    ["model_ema_state_dict", "a moving average of the weights"],
    ["numpy_rng", "a record of the training"],
  ])("%s beside a model is left out by a word of its key", (key, why) => {
    const chosen = choose({ network: STATE, [key]: { a: 1 } });
    expect(names(chosen)).toEqual(["fc.weight", "fc.bias"]);
    expect(chosen.leftOut).toEqual([{ name: key, why: `${why}, 1 tensor` }]);
  });

  it.each([
    [[STATE], 0],
    [[STATE, "3"], 0],
    [[OPTIMIZER, STATE], 1],
  ])("the only state in a list is the model's: %j", (list, leftOut) => {
    const chosen = choose(list);
    expect(names(chosen)).toEqual(["fc.weight", "fc.bias"]);
    expect(chosen.notes).toHaveLength(leftOut);
  });

  it("two states in a list keep their places", () => {
    expect(names(choose([{ a: 1 }, { b: 2 }]))).toEqual(["0.a", "1.b"]);
    expect(names(choose([1, 2]))).toEqual(["0", "1"]);
  });

  it("a tensor whose name has such a word is one", () => {
    expect(names(choose({ "ema.optim_head.weight": 1, rng_head: { weight: 2 } }))).toEqual([
      "ema.optim_head.weight",
      "rng_head.weight",
    ]);
  });

  it.each(["state_dict", "model_state_dict", "model_state", "model", "module", "params", "net"])(
    "%s is looked through, and what stands beside it is named",
    (key) => {
      const chosen = choose({ [key]: STATE, optimizer: OPTIMIZER, epoch: "3" });
      expect(names(chosen)).toEqual(["fc.weight", "fc.bias"]);
      expect(chosen.leftOut).toEqual([
        { name: "optimizer", why: "the optimizer's state, 2 tensors" },
      ]);
      expect(chosen.notes).toEqual([
        'f: "optimizer" is left out: the optimizer\'s state (2 tensors); --select optimizer takes it instead',
      ]);
    },
  );

  it("what torch calls an optimizer's state is none of the weights, wherever it stands", () => {
    const agent = { net: STATE, trainer: OPTIMIZER };
    const list = choose({ agents: [agent, agent], seed: "3" });
    expect(names(list)).toEqual(
      [0, 1].flatMap((at) => [`agents.${at}.net.fc.weight`, `agents.${at}.net.fc.bias`]),
    );
    expect(list.leftOut.map(({ name }) => name)).toEqual(["agents.0.trainer", "agents.1.trainer"]);
    expect(list.notes).toHaveLength(2);
    const pair = choose([STATE, OPTIMIZER]);
    expect(names(pair)).toEqual(["fc.weight", "fc.bias"]);
    expect(pair.leftOut).toEqual([{ name: "1", why: "the optimizer's state, 2 tensors" }]);
    expect(names(choose([STATE, OPTIMIZER], ".")).length).toBe(4);
  });

  it("so is what Paddle calls one, told by the names of its accumulators", async () => {
    const adam = {
      "linear_0.w_0_moment1_0": 1,
      "linear_0.w_0_beta2_pow_acc_0": 2,
      master_weights: { "linear_0.w_0": 3 },
      LR_Scheduler: { last_epoch: "1" },
    };
    const error = await caught(() => Promise.resolve(choose(adam)));
    expect(error.code).toBe("WB3306");
    expect(names(choose(adam, "."))).toHaveLength(3);
    const beside = choose({ state_dict: STATE, adam });
    expect(names(beside)).toEqual(["fc.weight", "fc.bias"]);
    expect(beside.leftOut).toEqual([{ name: "adam", why: "the optimizer's state, 3 tensors" }]);
    expect(names(choose({ "norm.momentum_1": 1 }))).toEqual(["norm.momentum_1"]);
  });

  it("the only part is looked through where it is a checkpoint itself", () => {
    const app = choose({ app: { model: STATE, optim: OPTIMIZER }, step: "3" });
    expect(names(app)).toEqual(["fc.weight", "fc.bias"]);
    expect(app.leftOut.map(({ name }) => name)).toContain("app.optim");
    expect(names(choose({ transformer: { model: STATE } }))[0]).toBe("transformer.model.fc.weight");
  });

  it("Lightning's average is the model, and what it is an average of is left out", () => {
    const chosen = choose({
      state_dict: STATE,
      current_model_state: STATE,
      averaging_state: { n_averaged: 3 },
    });
    expect(names(chosen)).toEqual(["fc.weight", "fc.bias"]);
    expect(chosen.leftOut).toEqual([
      { name: "current_model_state", why: "the weights as they were before averaging, 2 tensors" },
      { name: "averaging_state", why: "a record of the training, 1 tensor" },
    ]);
  });

  it("what a training measured is no weight beside a model, and a name like any other in one", () => {
    const chosen = choose({ model: STATE, best_val_loss: 3, val_acc1: 4, logit_scale: 5 });
    expect(names(chosen)).toEqual(["fc.weight", "fc.bias", "logit_scale"]);
    expect(names(choose({ "fc.weight": 1, loss_weight: 2 }))).toEqual(["fc.weight", "loss_weight"]);
    expect(isCounter("loss_weight", [1])).toBe(false);
  });

  it("a state in a state is found", () => {
    const chosen = choose({ model: { state_dict: STATE, ema: STATE }, opt: OPTIMIZER });
    expect(names(chosen)).toEqual(["fc.weight", "fc.bias"]);
    expect(chosen.leftOut.map(({ name }) => name)).toEqual(["opt", "model.ema"]);
  });

  it("a moving average is taken only where nothing else is there", () => {
    expect(choose({ params: STATE, params_ema: STATE }).leftOut.map(({ name }) => name)).toEqual([
      "params_ema",
    ]);
    expect(names(choose({ ema: STATE, optimizer: OPTIMIZER }))).toEqual(["fc.weight", "fc.bias"]);
    expect(names(choose({ ema: STATE, other: STATE })).length).toBe(4);
  });

  it("tensors of an unknown kind beside the model stay, under their keys", () => {
    const chosen = choose({ model: STATE, mean: 5, extra: { w: 6 } });
    expect(names(chosen)).toEqual(["fc.weight", "fc.bias", "mean", "extra.w"]);
    expect(chosen.leftOut).toEqual([]);
  });

  it("a record of the training that is a tensor is left out beside a model, and stays in a plain state dict", () => {
    expect(names(choose({ model: STATE, rng_state: 7 }))).toEqual(["fc.weight", "fc.bias"]);
    expect(names(choose({ w: 1, scaler: 2, rng_state: 3 }))).toEqual(["w", "scaler", "rng_state"]);
  });

  it("a plain state dict stays as it is, words of ours among its names or not", () => {
    expect(names(choose(STATE))).toEqual(["fc.weight", "fc.bias"]);
    expect(names(choose({ model: 1, net: 2 }))).toEqual(["model", "net"]);
    expect(names(choose({ generator: STATE, discriminator: STATE })).length).toBe(4);
  });

  it("an optimizer beside loose tensors is left out", () => {
    const chosen = choose({ "fc.weight": 1, optimizer_state_dict: OPTIMIZER });
    expect(names(chosen)).toEqual(["fc.weight"]);
    expect(chosen.leftOut.length).toBe(1);
  });

  it.each([
    ["two states", { state_dict: STATE, model: STATE }, ["state_dict", "model"]],
    ["a name of the model and one beside it", { model: { "a.w": 1 }, a: { w: 2 } }, ["model", "a"]],
  ])(
    "%s that could both be the model are refused with the choices",
    async (_what, value, choices) => {
      const error = await caught(() => Promise.resolve(names(choose(value))));
      expect(error.code).toBe("WB3310");
      expect(factOf(error, "choices")).toEqual(choices);
      for (const choice of choices) expect(error.hint).toContain(`--select ${choice}`);
    },
  );

  it("an optimizer's own file is refused, and taken when asked for", async () => {
    const error = await caught(() => Promise.resolve(choose(OPTIMIZER)));
    expect(error.code).toBe("WB3306");
    expect(names(choose(OPTIMIZER, "."))).toEqual(["state.a.step", "state.a.exp_avg"]);
  });

  it("counters are numbers with a name of the training's own", () => {
    expect(isCounter("epoch", [])).toBe(true);
    expect(isCounter("global_step", [1])).toBe(true);
    expect(isCounter("step", [3])).toBe(false);
    expect(isCounter("bn.num_batches_tracked", [])).toBe(false);
    expect(isCounter("weight", [])).toBe(false);
  });
});

describe("--select", () => {
  const file = { "a.b": { c: { w: 1 } }, a: { d: 2 }, list: [{ w: 3 }], opt: OPTIMIZER };

  it.each([
    ["a.b", ["c.w"]],
    ["a.b.c", ["w"]],
    ["a", ["d"]],
    ["a.d", ["a.d"]],
    ["list.0", ["w"]],
    ["opt.state", ["a.step", "a.exp_avg"]],
  ])("takes the state at %s, keys with dots in them included", (select, expected) => {
    expect(names(choose(file, select))).toEqual(expected);
  });

  it("names what it leaves", () => {
    expect(choose(file, "a.b").leftOut.map(({ name }) => name)).toEqual(["list", "opt"]);
  });

  it.each(["nothing", "a.x", "opt.param_groups", "list.7"])(
    "of a path that is not there or holds nothing is refused: %s",
    async (select) => {
      const error = await caught(() => Promise.resolve(choose(file, select)));
      expect(error.code).toBe("WB2710");
      expect(error.message).toContain('"a.b" (1 tensor)');
    },
  );
});

describe("a module that was pickled whole", () => {
  it("is its state dict: parameters, buffers that are kept, modules below", () => {
    const below = module({ _parameters: pickled({ weight: 3, bias: null }) });
    const whole = module({
      _parameters: pickled({ scale: 1 }),
      _buffers: pickled({ mean: 2, table: 9 }),
      _non_persistent_buffers_set: { kind: "set", frozen: false, items: ["table"] },
      _modules: {
        kind: "dict",
        entries: [
          ["fc", below],
          ["gone", null],
        ],
      },
    });
    expect(names(chooseState(whole, "f", isTensor))).toEqual(["scale", "mean", "fc.weight"]);
    const inside: PickleValue = { kind: "dict", entries: [["model", whole]] };
    expect(names(chooseState(inside, "f", isTensor))).toEqual(["scale", "mean", "fc.weight"]);
  });
});

describe("a key that is no name", () => {
  const parent = memorySource(new Uint8Array(0), "a.pt");
  it.each<[string, PickleValue]>([
    [
      "a text of 5000 bytes, longer than any name",
      { kind: "text", parent, begin: 0, byteLength: 5000 },
    ],
    ["a tuple, expected a name", { kind: "tuple", items: ["a"] }],
    ["None, expected a name", null],
  ])("is told of for what it is: %s", async (what, key) => {
    const error = await caught(() => keyText(key, undefined, "a.pt"));
    expect([error.code, error.message]).toEqual(["WB3301", `a.pt: a key below the top is ${what}`]);
  });
});
