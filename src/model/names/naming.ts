import { LAYER, type Network } from "../network.ts";
import type { TensorClass } from "../parameter.ts";
import { parseRow, type Statement } from "./statement.ts";

/** How one writer names a network's tensors and stores them. */
export interface Naming {
  /** One for every parameter. */
  readonly statements: readonly Statement[];
  /** Classes of weights that it stores as [in, out]. */
  readonly transposed: ReadonlySet<TensorClass>;
  /** What stored names have where canonical ones have `model.`. */
  readonly prefix: string;
  /** Whether a tied model's head is stored all the same: a copy of the embeddings. */
  readonly storesTiedHead: boolean;
}

export interface NamingOptions {
  /** What stored names have where canonical ones have `model.`; the head has neither. */
  readonly prefix?: string;
  /** What stored names inside a layer begin with; the prefix and `layers.{i}.` when left out. */
  readonly layer?: string;
  /** Rows for what is not stored as the network has it; names that begin with a dot are inside a layer. */
  readonly rows?: readonly string[];
  readonly transposed?: readonly TensorClass[];
  readonly storesTiedHead?: boolean;
}

/** The writer's statements: its rows, and the canonical names with another prefix for everything else. */
export function naming(network: Network, options: NamingOptions = {}): Naming {
  const prefix = options.prefix ?? "model.";
  const storedLayer = options.layer ?? `${prefix}layers.{i}.`;
  const rows = (options.rows ?? []).flatMap((row) =>
    parseRow(row, { network, canonicalLayer: LAYER, storedLayer }),
  );
  const said = new Set(rows.flatMap(({ canonical }) => canonical.map(({ name }) => name)));
  const others = network.parameters
    .filter(({ name }) => !said.has(name))
    .map((parameter): Statement => {
      const { name } = parameter;
      const stored = name.startsWith(LAYER)
        ? storedLayer + name.slice(LAYER.length)
        : name.replace(MODEL, prefix);
      return { canonical: [parameter], stored, operation: "same", isCut: true };
    });
  return {
    statements: [...rows, ...others],
    transposed: new Set(options.transposed),
    prefix,
    storesTiedHead: options.storesTiedHead === true,
  };
}

/** How transformers 5 holds the experts of a model in memory (v5.23.0, conversion_mapping.py): state dicts that are saved as they are. */
export const STACKED_EXPERTS: readonly string[] = [
  ".mlp.experts.{e}.gate_proj.weight, .mlp.experts.{e}.up_proj.weight | .mlp.experts.gate_up_proj[{e}] | concatenate",
  ".mlp.experts.{e}.down_proj.weight | .mlp.experts.down_proj[{e}]",
];

const MODEL = /^model\./;

/** Paddle's Linears are [in, out], the head among them. */
const ALL_TRANSPOSED = ["linear", "head", "router"] as const;

/** PaddleNLP's names: the model's own prefix; every Linear transposed. */
export function paddlenlp(network: Network, options: NamingOptions): Naming {
  return naming(network, { transposed: ALL_TRANSPOSED, ...options });
}

/**
 * PaddleFormers' state dict from 1.0 on: Hugging Face's names, Linears transposed, the head not (v1.2.0, `state_dict()` of
 * `LlamaForCausalLM`).
 */
export function paddleformers(network: Network, options: NamingOptions = {}): Naming {
  return naming(network, { ...options, transposed: ["linear", "router"] });
}
