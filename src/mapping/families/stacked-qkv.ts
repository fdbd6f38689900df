import { sameShape } from "../../tensor/shape.ts";
import { concatViews, slicedView } from "../assembly.ts";
import type { NameRule, SourceGroup, Target } from "../family.ts";
import { matrixLayoutShapes, torchView, type MatrixFacts } from "../merge.ts";
import type { ModelConfig } from "../../model/config/model-config.ts";

/** Baichuan-7B's name of it. */
export const W_PACK = "layers.{i}.self_attn.W_pack";

/**
 * One Linear for queries, keys and values, all queries first: (3, heads, head size, …) on each rank. InternLM's training
 * calls it Wqkv, Baichuan-7B W_pack.
 * @param pattern Its name in a layer, without `.weight` and `.bias`.
 */
export function stackedQkvRules(pattern: string): readonly NameRule[] {
  const stored = pattern.slice(pattern.lastIndexOf(".") + 1);
  return [
    {
      kind: "make",
      pattern: `${pattern}.weight`,
      targets: (group, layer) => stackedQkvTargets(stored, group, layer, ".weight"),
      layoutShapes: (config, parts) => matrixLayoutShapes(stackedQkvFacts(config), parts),
    },
    {
      kind: "make",
      pattern: `${pattern}.bias`,
      targets: (group, layer) => stackedQkvTargets(stored, group, layer, ".bias"),
    },
  ];
}

function stackedQkvFacts(config: ModelConfig): MatrixFacts {
  return { out: 3 * config.heads * config.headDim, in: config.hiddenSize, split: "out" };
}

function stackedQkvTargets(
  stored: string,
  group: SourceGroup,
  layer: number,
  suffix: ".weight" | ".bias",
): readonly Target[] {
  const { config, parts, layout } = group;
  const third = (config.heads * config.headDim) / parts.length;
  const partShape = suffix === ".bias" ? [3 * third] : [3 * third, config.hiddenSize];
  const views = parts.map((part) => torchView(part, layout));
  const fits = views.every((view) => sameShape(view.shape, partShape));
  return ["q_proj", "k_proj", "v_proj"].map((name, index) => ({
    name: `model.layers.${layer}.self_attn.${name}${suffix}`,
    assembly: fits
      ? concatViews(
          views.map((view) => slicedView(view, 0, index * third, third)),
          0,
        )
      : undefined,
    expected: [layout === "paddle" ? partShape.toReversed() : partShape],
    why: `split from ${stored}, which holds queries, keys, values${parts.length > 1 ? ` on each of ${parts.length} ranks` : ""}`,
  }));
}
