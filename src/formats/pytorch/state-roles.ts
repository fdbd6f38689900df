/** What the value of a key on top of a training checkpoint is. */
export type StateRole =
  "model" | "average" | "current" | "copy" | "optimizer" | "schedule" | "record";

/** Keys that training programs put on top of a checkpoint, lower case; one row a role. */
const KEYS = {
  // torch's tutorials and Lightning; Accelerate and fairseq; DeepSpeed; BasicSR; GAN trainers.
  model: [
    "state_dict",
    "model_state_dict",
    "model_state",
    "model_dict",
    "model_weights",
    "model",
    "module",
    "params",
    "net",
    "net_state_dict",
    "network",
    "network_state_dict",
    "weights",
  ],
  // Moving averages of the weights, kept beside them.
  average: [
    "ema",
    "ema_state_dict",
    "ema_model",
    "model_ema",
    "params_ema",
    "net_ema",
    "state_dict_ema",
    "averaged_model",
    "swa_state_dict",
    "swa_model",
  ],
  // Lightning's WeightAveraging saves the average as the model, and beside it what it is an average of.
  current: ["current_model_state"],
  // DeepSpeed keeps parameters that are not trained twice.
  copy: ["frozen_param_fragments"],
  optimizer: [
    "optimizer",
    "optimizers",
    "optimizer_state",
    "optimizer_states",
    "optimizer_state_dict",
    "optim",
    "optim_state_dict",
    "opt",
    "opt_state_dict",
    "last_optimizer_state",
    "base_optimizer_state",
  ],
  schedule: [
    "scheduler",
    "schedulers",
    "scheduler_state_dict",
    "lr_scheduler",
    "lr_schedulers",
    "lr_scheduler_state_dict",
    "param_schedulers",
    "scaler",
    "scaler_state_dict",
    "grad_scaler",
    "amp",
    "amp_scaling_state",
  ],
  record: [
    "epoch",
    "global_step",
    "step",
    "steps",
    "iter",
    "iteration",
    "iterations",
    "num_updates",
    "best_acc",
    "best_acc1",
    "best_loss",
    "best_score",
    "loss",
    "args",
    "cfg",
    "config",
    "hparams",
    "hyper_parameters",
    "meta",
    "message_hub",
    "callbacks",
    "loops",
    "random_rng_state",
    "rng_state",
    "rng_states",
    "torch_rng_state",
    "cuda_rng_state",
    "numpy_rng_state",
    "np_rng_state",
    "date",
    "git",
    "train_metrics",
    "train_results",
    "extra_state",
    "task_state",
    "averaging_state",
    "n_averaged",
    // ema_pytorch's flag beside its step.
    "initted",
  ],
} as const satisfies Record<StateRole, readonly string[]>;

function keysOf(role: StateRole): (readonly [string, StateRole])[] {
  return KEYS[role].map((key) => [key, role]);
}

const ROLES: ReadonlyMap<string, StateRole> = new Map([
  ...keysOf("model"),
  ...keysOf("average"),
  ...keysOf("current"),
  ...keysOf("copy"),
  ...keysOf("optimizer"),
  ...keysOf("schedule"),
  ...keysOf("record"),
]);

/** Words that tell a role wherever they stand in a key: optimizer_g, ema_weights, model_ema_state_dict, numpy_rng. */
const WORDS: readonly (readonly [RegExp, StateRole])[] = [
  [/^optim(izers?)?$/, "optimizer"],
  [/^(lr_?)?sched(ulers?)?$/, "schedule"],
  [/^(ema|swa)$/, "average"],
  [/^rng$/, "record"],
];

/** The role that a key's name tells, or undefined. */
export function stateRole(key: string): StateRole | undefined {
  const lower = key.toLowerCase();
  const role = ROLES.get(lower);
  if (role !== undefined || lower.includes(".")) return role;
  const words = lower.split(/[_-]/);
  return WORDS.find(([word]) => words.some((one) => word.test(one)))?.[1];
}

/** Words of what a training measured: best_val_loss, val_acc1, train_metrics. Of a lone tensor beside a model they say that it is no weight. */
const MEASURES = /^(best|loss|losses|acc\d?|accuracy|metrics?|epochs?)$/;

/** Whether a lone tensor that stands beside a model's state is a record of the training, by its key. */
export function isRecordKey(key: string): boolean {
  return (
    stateRole(key) === "record" ||
    key
      .toLowerCase()
      .split(/[_-]/)
      .some((word) => MEASURES.test(word))
  );
}

/** What Paddle's optimizers call their accumulators (paddle v3.3, python/paddle/optimizer): the parameter's name, theirs, a number. */
const ACCUMULATOR =
  /_(moment\d?(_max)?|velocity|momentum|mean_square|mean_grad|_avg_squared_(grad|update)|inf_norm|beta\d_pow_acc)_\d+$/;

/** What Paddle's optimizers keep beside them. */
const BESIDE_ACCUMULATORS: ReadonlySet<unknown> = new Set(["LR_Scheduler", "master_weights"]);

/** Whether the keys of a mapping are those of an optimizer's state, as torch or Paddle gives it. */
export function areOptimizerKeys(keys: readonly unknown[]): boolean {
  if (keys.includes("state") && keys.includes("param_groups")) return true;
  const rest = keys.filter((key) => !BESIDE_ACCUMULATORS.has(key));
  return rest.length > 0 && rest.every((key) => typeof key === "string" && ACCUMULATOR.test(key));
}

/** What a part that is left out is called. */
export const ROLE_NAMES: Readonly<Record<StateRole, string>> = {
  model: "another model state",
  average: "a moving average of the weights",
  current: "the weights as they were before averaging",
  copy: "a second copy of weights that are not trained",
  optimizer: "the optimizer's state",
  schedule: "the state of a schedule or a scaler",
  record: "a record of the training",
};
