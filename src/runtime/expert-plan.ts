import type { ModelConfig } from "../model/config/model-config.ts";
import { layerTensors, type TensorSpec } from "../model/tensors.ts";
import { ALL_EXPERTS, EXPERTS_OF_A_LAYER, type ExpertBounds } from "./model/expert-store.ts";

/** Share of the memory that is left over which routed experts may take; the rest is room for more texts. */
const SHARE_OF_SPARE = 0.75;

/** Bytes of memory that are planned for routed experts, and how the layers share them. */
export interface ExpertPlan {
  readonly bounds: ExpertBounds;
  /** Bytes beside one expert, which is counted as a part of the layer. */
  readonly room: number;
  /** Half a sentence of the memory plan's; empty for a model without experts. */
  readonly why: string;
}

/** The tensors of one expert of a layer; none where it has no router. */
export function oneExpert(layer: readonly TensorSpec[]): readonly TensorSpec[] {
  return layer.filter(({ expert }) => expert === 0);
}

/** The tensors of a layer that every token takes. */
export function commonOf(layer: readonly TensorSpec[]): readonly TensorSpec[] {
  return layer.filter(({ expert }) => expert === -1);
}

/** The plan of a model in which all experts have room. */
export function allExperts({ experts }: ModelConfig): ExpertPlan {
  const why = experts === undefined ? "" : "; experts are read when they are chosen, and stay";
  return { bounds: ALL_EXPERTS, room: 0, why };
}

/**
 * Shares out memory that is left over, where not all experts have room: for a model that is passed once, to the layer that runs; else
 * to all layers alike.
 * @param spare Bytes that nothing else takes.
 * @param onDevice Bytes of tensors on the device.
 * @param gigabytes Renders a number of bytes.
 */
export function someExperts(
  config: ModelConfig,
  passes: "one" | "many",
  spare: number,
  onDevice: (tensors: readonly TensorSpec[]) => number,
  gigabytes: (bytes: number) => string,
): ExpertPlan {
  const sparse = (config.experts?.layers ?? []).flatMap((isSparse, layer) =>
    isSparse ? [layer] : [],
  );
  const [first] = sparse;
  if (first === undefined) return { bounds: EXPERTS_OF_A_LAYER, room: 0, why: "" };
  const tensors = layerTensors(config, first);
  const one = onDevice(oneExpert(tensors));
  const ofLayer = onDevice(tensors.filter(({ expert }) => expert !== -1));
  const share = Math.max(0, spare * SHARE_OF_SPARE);
  if (passes === "one") {
    const running = Math.min(ofLayer, one + share);
    return {
      bounds: { running, kept: 0 },
      room: running - one,
      why: `; experts are read when they are chosen, and up to ${gigabytes(running)} of a layer's stay while it runs`,
    };
  }
  const kept = Math.min(ofLayer, Math.floor(share / sparse.length));
  const room = kept * sparse.length;
  return {
    bounds: { running: Math.max(kept, one), kept },
    room,
    why: `; experts are read when they are chosen, and up to ${gigabytes(room)} of them stay`,
  };
}
