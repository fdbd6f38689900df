import type { Axis } from "./axes.ts";
import { gated, LAYER, linear } from "./network.ts";
import type { Parameter, Role } from "./parameter.ts";

/** Modules of a layer with experts. */
export const EXPERTS = {
  router: "mlp.gate",
  gate: "mlp.experts.{e}.gate_proj",
  up: "mlp.experts.{e}.up_proj",
  down: "mlp.experts.{e}.down_proj",
  shared: "mlp.shared_expert",
  sharedGate: "mlp.shared_expert_gate",
} as const;

/** One network for all tokens that has no gate, and what is added to scores where experts are chosen. */
export const SHARED_EXPERTS = "mlp.shared_experts";
export const CORRECTION = "mlp.gate.e_score_correction_bias";

const isSparse: NonNullable<Parameter["when"]> = ({ experts }, layer) =>
  experts?.layers[layer] === true;

/** What layers with experts have beside the router and the experts. */
export interface SparseParts {
  /** One network that all tokens take: weighted by a gate of its own (Qwen2-MoE), or as it is where the configuration has one. */
  readonly shared?: "gated" | "plain";
  /** What is added to scores where experts are chosen. */
  readonly correction?: Pick<Parameter, "name" | "axes" | "class">;
  /** Routers are float32 in files of whatever dtype. */
  readonly exactRouter?: boolean;
}

/** SwiGLU of three Linears in the layers that have one network, in the others a router and its experts; and one for all tokens. */
export function sparse({ shared, correction, exactRouter }: SparseParts): readonly Parameter[] {
  const dense = gated.map((one): Parameter => ({
    ...one,
    when: (config, layer) => !isSparse(config, layer) && (one.when?.(config, layer) ?? true),
  }));
  const own: readonly Parameter[] = [
    ...linear(EXPERTS.gate, "gate", ["expertFfn", "hidden"], "out"),
    ...linear(EXPERTS.up, "up", ["expertFfn", "hidden"], "out"),
    ...linear(EXPERTS.down, "down", ["hidden", "expertFfn"], "in"),
    ...(shared === "gated"
      ? [...sharedNetwork(EXPERTS.shared), router(EXPERTS.sharedGate, "sharedGate", "one")]
      : []),
    ...(correction === undefined ? [] : [correctionOf(correction)]),
  ];
  const routing = router(EXPERTS.router, "router", "experts");
  const plain = shared === "plain" ? sharedNetwork(SHARED_EXPERTS) : [];
  return [
    ...dense,
    ...[exactRouter === true ? { ...routing, keepsFloat32: true } : routing, ...own].map(
      (one): Parameter => ({ ...one, when: isSparse }),
    ),
    ...plain.map((one): Parameter => ({
      ...one,
      when: (config, layer) => isSparse(config, layer) && config.experts?.sharedSize !== undefined,
    })),
  ];
}

function sharedNetwork(module: string): readonly Parameter[] {
  return [
    ...linear(`${module}.gate_proj`, "gate", ["sharedFfn", "hidden"], "out"),
    ...linear(`${module}.up_proj`, "up", ["sharedFfn", "hidden"], "out"),
    ...linear(`${module}.down_proj`, "down", ["hidden", "sharedFfn"], "in"),
  ];
}

/** Every rank has all of it. */
function correctionOf(facts: NonNullable<SparseParts["correction"]>): Parameter {
  return {
    ...facts,
    name: LAYER + facts.name,
    role: "routerBias",
    kind: "bias",
    keepsFloat32: true,
  };
}

/** Every rank has all of a router. */
function router(module: string, role: Role, out: Axis): Parameter {
  const name = `${LAYER}${module}.weight`;
  return { name, role, kind: "weight", class: "router", axes: [out, "hidden"] };
}
