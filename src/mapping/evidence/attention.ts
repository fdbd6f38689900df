import type { LinearLayout } from "../../model/parameter.ts";
import type { StoredTensor } from "../../tensor/table.ts";
import { joinName, splitName, type ModuleTensors } from "./modules.ts";

/** The projections that torch.nn.MultiheadAttention keeps in one, in its order. */
export const PROJECTIONS = ["q", "k", "v"] as const;

/** One attention of `torch.nn` or `paddle.nn`, by the path of its module. */
export interface Attention {
  /** In the source. */
  readonly module: string;
  /** In the target: torch calls the decoder's second one otherwise. */
  readonly target: string;
  /** Names of the source that belong to it, the output's apart. */
  readonly sources: readonly string[];
}

type Modules = ReadonlyMap<string, ModuleTensors>;

/**
 * paddle.nn.MultiHeadAttention: q_proj, k_proj, v_proj and out_proj, Linears all with a bias or all without one, and nothing else
 * in the module (v3.3, python/paddle/nn/layer/transformer.py).
 */
export function paddleAttentions(modules: Modules): readonly Attention[] {
  const parents = new Set(
    [...modules.keys()].flatMap((path) => {
      const { module, key } = splitName(path);
      return key === "q_proj" ? [module] : [];
    }),
  );
  return [...parents].flatMap((module) => {
    const names = ["q_proj", "k_proj", "v_proj", "out_proj"].map((name) => joinName(module, name));
    const parts = names.map((name) => modules.get(name));
    const prefix = module === "" ? "" : `${module}.`;
    const children = [...modules.keys()].filter(
      (path) => path === module || path.startsWith(prefix),
    );
    const isWhole =
      parts.every((keys) => keys?.get("weight")?.shape.length === 2) &&
      new Set(parts.map((keys) => keys?.has("bias"))).size === 1 &&
      parts.every((keys) => keys !== undefined && keys.size === (keys.has("bias") ? 2 : 1)) &&
      (module === "" || children.length === names.length);
    if (!isWhole) return [];
    const sources = names
      .slice(0, PROJECTIONS.length)
      .flatMap((name) => [...(modules.get(name)?.values() ?? [])].map((tensor) => tensor.name));
    return [{ module, target: otherName(module, modules, "torch"), sources }];
  });
}

/** torch.nn.MultiheadAttention: in_proj_weight, or one weight a projection where their inputs differ in width. */
export function torchAttentions(modules: Modules): readonly Attention[] {
  return [...modules].flatMap(([module, keys]) => {
    const joined = keys.get("in_proj_weight");
    const apart = PROJECTIONS.map((name) => keys.get(`${name}_proj_weight`));
    const isJoined = joined?.shape.length === 2 && (joined.shape[0] ?? 0) % 3 === 0;
    if (!isJoined && !apart.every((tensor) => tensor?.shape.length === 2)) return [];
    const sources = [joined, ...apart, keys.get("in_proj_bias")].flatMap((tensor) =>
      tensor === undefined ? [] : [tensor.name],
    );
    return [{ module, target: otherName(module, modules, "paddle"), sources }];
  });
}

/** In a decoder's layer, torch says multihead_attn where Paddle says cross_attn. */
const CROSS: Readonly<Record<LinearLayout, string>> = {
  torch: "multihead_attn",
  paddle: "cross_attn",
};

function otherName(module: string, modules: Modules, target: LinearLayout): string {
  const { module: layer, key } = splitName(module);
  const isDecoder = ["linear1", "linear2", "norm3"].every((name) =>
    modules.has(joinName(layer, name)),
  );
  const from = CROSS[target === "torch" ? "paddle" : "torch"];
  return isDecoder && key === from ? joinName(layer, CROSS[target]) : module;
}

/** A tensor of an attention's projection, in the source. */
export function projection(
  modules: Modules,
  { module }: Attention,
  name: string,
  key: "weight" | "bias",
): StoredTensor | undefined {
  return modules.get(joinName(module, `${name}_proj`))?.get(key);
}
