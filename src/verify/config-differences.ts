import { headGives } from "../model/encoder-heads.ts";
import { activationName } from "../model/config/activation.ts";
import type { ModelConfig } from "../model/config/model-config.ts";
import type { RopeScaling } from "../model/config/rope.ts";
import type { Diagnosis } from "./diagnose/diagnosis.ts";

/** A setting of two configs: its name, and both values. */
type Setting = readonly [name: string, ours: unknown, other: unknown];

/** Settings that show in any logits, where two configs differ. */
export function visibleSettings(ours: ModelConfig, other: ModelConfig): readonly Setting[] {
  return [
    [
      "architectures (the head)",
      ours.encoder && headGives(ours),
      other.encoder && headGives(other),
    ],
    ["rms_norm_eps", ours.rmsNormEps, other.rmsNormEps],
    ["rope_theta", ours.rope.theta, other.rope.theta],
    ["num_attention_heads", ours.heads, other.heads],
    ["num_key_value_heads", ours.kvHeads, other.kvHeads],
    ["num_hidden_layers", ours.layers, other.layers],
    ["tie_word_embeddings", ours.tieWordEmbeddings, other.tieWordEmbeddings],
    ["head_dim", ours.headDim, other.headDim],
    ["dimensions of a head that are rotated", ours.rotaryDims, other.rotaryDims],
    ["hidden_act", activationName(ours), activationName(other)],
    ["num_experts_per_tok", ours.experts?.perToken ?? 0, other.experts?.perToken ?? 0],
    ["norm_topk_prob", ours.experts?.isNormalised ?? false, other.experts?.isNormalised ?? false],
    ["routed_scaling_factor", ours.experts?.scale ?? 1, other.experts?.scale ?? 1],
    ["layers with experts", expertLayers(ours), expertLayers(other)],
    ["factor of the embeddings", ours.embeddingScale ?? 1, other.embeddingScale ?? 1],
    ["query_pre_attn_scalar", ours.queryScalar ?? ours.headDim, other.queryScalar ?? other.headDim],
    [
      "scale_attn_by_inverse_layer_idx",
      ours.scoresFallByLayer ?? false,
      other.scoresFallByLayer ?? false,
    ],
    [
      "apply_residual_connection_post_layernorm",
      ours.keepsNormed ?? false,
      other.keepsNormed ?? false,
    ],
    ["do_layer_norm_before", !(ours.normsSums ?? false), !(other.normsSums ?? false)],
    ["attn_logit_softcapping", ours.attentionCap ?? 0, other.attentionCap ?? 0],
    ["final_logit_softcapping", ours.logitCap ?? 0, other.logitCap ?? 0],
    // A window is seen in prompts that are longer than it: where logits agree, nothing is said of it.
    ["sliding_window", ours.window?.size ?? null, other.window?.size ?? null],
    ["layers with a window", windowLayers(ours), windowLayers(other)],
    ["rotary of the layers with a window", ours.windowRope ?? null, other.windowRope ?? null],
  ];
}

function expertLayers({ experts }: ModelConfig): readonly number[] {
  return (experts?.layers ?? []).flatMap((isSparse, layer) => (isSparse ? [layer] : []));
}

function windowLayers({ window }: ModelConfig): readonly number[] {
  return (window?.layers ?? []).flatMap((has, layer) => (has ? [layer] : []));
}

/** Settings that show in long prompts alone: dynamic scaling begins past the positions that prompts are cut to. */
export function hiddenSettings(ours: ModelConfig, other: ModelConfig): readonly Setting[] {
  const isDynamic = [ours, other].some(({ rope }) => rope.scaling.kind === "dynamic-ntk");
  return [
    ["rope scaling", shownScaling(ours), shownScaling(other)],
    // The positions are only a promise where no scaling begins after them.
    ["max_position_embeddings", isDynamic && ours.maxPositions, isDynamic && other.maxPositions],
  ];
}

/** Whether the whole cache is rotated anew is a trait of the code, and the same in one pass over a prompt. */
function shownScaling({ rope: { scaling } }: ModelConfig): RopeScaling {
  return scaling.kind === "dynamic-ntk" ? { ...scaling, wholeCache: true } : scaling;
}

/** Settings that change what a model computes, where two configs differ. */
export function configDifferences(settings: readonly Setting[]): readonly Diagnosis[] {
  const different = settings.filter(
    ([, left, right]) => JSON.stringify(left) !== JSON.stringify(right),
  );
  if (different.length === 0) return [];
  const evidence = different
    .map(
      ([name, left, right]) =>
        `${name} is ${JSON.stringify(left)} here, ${JSON.stringify(right)} there`,
    )
    .join("; ");
  return [{ cause: "config-mismatch", tensors: [], evidence }];
}
