import type { ModelConfig } from "../../mapping/model-config.ts";
import type { Dtype } from "../../tensor/dtype.ts";
import type { HostTensor } from "../model-runner.ts";
import type { Cause } from "./diagnosis.ts";
import {
  halvesFromInterleaved,
  halvesOf,
  headOrders,
  headRows,
  inverse,
  rereadHalves,
  stacked,
  swappedWords,
  takeColumns,
  takeRows,
  transposed,
  type HalfDtype,
} from "./tensor-edits.ts";

/** Parameters read so far, by name. */
export type Read = (name: string) => Promise<HostTensor>;

/**
 * The 16 bits of each stored element; undefined for other widths, and for parameters that something else was undone in. Values
 * do not tell them: a NaN keeps no payload on its way through a float.
 */
export type ReadBits = (name: string) => Promise<Uint16Array | undefined>;

/** A mistake that may have been made, and how the parameters would be without it. */
export interface Hypothesis {
  readonly cause: Cause;
  /** The tensors to blame. */
  readonly tensors: readonly string[];
  /** What was done to them, for the evidence. */
  readonly mistake: string;
  /** The parameters put right. */
  undo(read: Read, readBits: ReadBits): Promise<ReadonlyMap<string, HostTensor>>;
}

const ATTENTION = ["q_proj", "k_proj", "v_proj", "o_proj"] as const;
const MATRICES = [
  ...ATTENTION.map((name) => `self_attn.${name}`),
  "mlp.gate_proj",
  "mlp.up_proj",
  "mlp.down_proj",
];
const NORMS = ["input_layernorm", "post_attention_layernorm"];

/** Names of one layer's parameters. */
export function layerNames(layer: number, names: readonly string[]): readonly string[] {
  return names.filter((name) => name.startsWith(`model.layers.${layer}.`));
}

/** Every mistake that one layer's parameters may show, the likelier ones first. */
export function layerHypotheses(
  layer: number,
  config: ModelConfig,
  names: readonly string[],
  dtypeOf: (name: string) => Dtype | undefined,
): readonly Hypothesis[] {
  const has = new Set(names);
  const hypotheses = [
    ...ownHypotheses(layer, config, names, dtypeOf),
    ...layerSwapHypotheses(layer, config, names),
  ];
  return hypotheses.filter(({ tensors }) => tensors.every((name) => has.has(name)));
}

/** The same mistake made in every layer at once, as a converter makes it. */
export function everywhereHypotheses(
  config: ModelConfig,
  names: readonly string[],
  dtypeOf: (name: string) => Dtype | undefined,
): readonly Hypothesis[] {
  const layers = Array.from({ length: config.layers }, (_unused, layer) =>
    ownHypotheses(layer, config, names, dtypeOf),
  );
  const has = new Set(names);
  const [first = []] = layers;
  return [
    ...rereadsOf(names, dtypeOf),
    ...first
      .map((_hypothesis, index) => joined(layers.flatMap((list) => list[index] ?? [])))
      .filter(({ tensors }) => tensors.every((name) => has.has(name))),
  ];
}

/** Several mistakes of one kind as one. */
function joined(hypotheses: readonly Hypothesis[]): Hypothesis {
  const [first] = hypotheses;
  return {
    cause: first?.cause ?? "corrupt",
    mistake: `in every layer: ${first?.mistake ?? ""}`,
    tensors: hypotheses.flatMap(({ tensors }) => tensors),
    undo: async (read, readBits) => {
      const changes = new Map<string, HostTensor>();
      for (const hypothesis of hypotheses) {
        for (const [name, tensor] of await hypothesis.undo(read, readBits))
          changes.set(name, tensor);
      }
      return changes;
    },
  };
}

/** Mistakes among one layer's own parameters. */
function ownHypotheses(
  layer: number,
  config: ModelConfig,
  names: readonly string[],
  dtypeOf: (name: string) => Dtype | undefined,
): readonly Hypothesis[] {
  const at = (name: string): string => `model.layers.${layer}.${name}`;
  const has = new Set(names);
  return [
    ...transposeHypotheses(at, config),
    ...swapHypotheses(at, config, has),
    ...rotaryHypotheses(at, config, has),
    ...splitHypotheses(at, config, has),
    ...rereadHypotheses(layerNames(layer, names), dtypeOf),
    ...headHypotheses(at, config, has),
  ];
}

function transposeHypotheses(
  at: (name: string) => string,
  config: ModelConfig,
): readonly Hypothesis[] {
  const isSquare = config.heads * config.headDim === config.hiddenSize;
  if (!isSquare) return [];
  const square = config.kvHeads === config.heads ? ATTENTION : (["q_proj", "o_proj"] as const);
  const groups = [...square.map((name) => [name]), [...square]];
  return groups.map((group) => {
    const tensors = group.map((name) => at(`self_attn.${name}.weight`));
    return {
      cause: "transposed",
      tensors,
      mistake: "stored as [in, out]",
      undo: (read) => edited(tensors, read, transposed),
    };
  });
}

/** Pairs that converters confuse, with their biases, without them, and the biases alone. */
function swapHypotheses(
  at: (name: string) => string,
  config: ModelConfig,
  has: ReadonlySet<string>,
): readonly Hypothesis[] {
  const sameHeads = config.kvHeads === config.heads;
  const isSquare = config.heads * config.headDim === config.hiddenSize;
  const pairs: (readonly [string, string])[] = [["mlp.gate_proj", "mlp.up_proj"]];
  if (sameHeads)
    pairs.push(["self_attn.q_proj", "self_attn.k_proj"], ["self_attn.q_proj", "self_attn.v_proj"]);
  pairs.push(["self_attn.k_proj", "self_attn.v_proj"]);
  if (sameHeads && isSquare) {
    for (const name of ["q_proj", "k_proj", "v_proj"])
      pairs.push([`self_attn.${name}`, "self_attn.o_proj"]);
  }
  const hypotheses: Hypothesis[] = [
    swapOf([[at(`${NORMS[0] ?? ""}.weight`), at(`${NORMS[1] ?? ""}.weight`)]]),
  ];
  for (const [left, right] of pairs) {
    const weights = [at(`${left}.weight`), at(`${right}.weight`)] as const;
    const biases = [at(`${left}.bias`), at(`${right}.bias`)] as const;
    if (biases.every((name) => has.has(name)))
      hypotheses.push(swapOf([weights, biases]), swapOf([biases]));
    hypotheses.push(swapOf([weights]));
  }
  return hypotheses;
}

function swapOf(pairs: readonly (readonly [string, string])[]): Hypothesis {
  return {
    cause: "swapped",
    tensors: pairs.flat(),
    mistake: "stored under each other's name",
    undo: async (read) => {
      const changes = new Map<string, HostTensor>();
      for (const [left, right] of pairs) {
        changes.set(left, await read(right));
        changes.set(right, await read(left));
      }
      return changes;
    },
  };
}

/** Rows of q and k in the other order of rotary pairs. */
function rotaryHypotheses(
  at: (name: string) => string,
  config: ModelConfig,
  has: ReadonlySet<string>,
): readonly Hypothesis[] {
  const hypotheses: Hypothesis[] = [];
  for (const group of [["q_proj", "k_proj"], ["q_proj"], ["k_proj"]]) {
    for (const suffixes of suffixGroups(group, at, has)) {
      for (const isStoredInterleaved of [true, false]) {
        const tensors = suffixes.flatMap((suffix) =>
          group.map((name) => at(`self_attn.${name}.${suffix}`)),
        );
        hypotheses.push({
          cause: "rotary-permuted",
          tensors,
          mistake: isStoredInterleaved
            ? "rows in interleaved rotary pairs, where halves are expected"
            : "rows permuted from interleaved pairs to halves once too often",
          undo: (read) =>
            edited(tensors, read, (tensor, name) => {
              const heads = name.includes("q_proj") ? config.heads : config.kvHeads;
              const order = halvesFromInterleaved(heads, config.headDim);
              return takeRows(tensor, isStoredInterleaved ? order : inverse(order));
            }),
        });
      }
    }
  }
  return hypotheses;
}

/** Weights with their biases where all have one, then weights alone. */
function suffixGroups(
  group: readonly string[],
  at: (name: string) => string,
  has: ReadonlySet<string>,
): readonly (readonly string[])[] {
  const hasBias = group.every((name) => has.has(at(`self_attn.${name}.bias`)));
  return hasBias ? [["weight", "bias"], ["weight"], ["bias"]] : [["weight"]];
}

/** A fused qkv cut up in another way than it was put together. */
function splitHypotheses(
  at: (name: string) => string,
  config: ModelConfig,
  has: ReadonlySet<string>,
): readonly Hypothesis[] {
  const parts = ["q_proj", "k_proj", "v_proj"];
  const { heads, kvHeads, headDim } = config;
  const sizes = [heads * headDim, kvHeads * headDim, kvHeads * headDim];
  const grouped = groupedRows(config);
  const orders: (readonly [string, readonly number[]])[] = [
    ["a qkv that goes by head was cut into thirds", inverse(grouped)],
    ["a qkv of three thirds was cut by head", grouped],
  ];
  if (heads === kvHeads) {
    const third = sizes[0] ?? 0;
    for (const order of [
      [0, 2, 1],
      [1, 2, 0],
      [2, 0, 1],
      [2, 1, 0],
    ]) {
      const rows = order.flatMap((part) =>
        Array.from({ length: third }, (_unused, row) => part * third + row),
      );
      orders.push([
        `its thirds were taken in the order ${order.map((part) => "qkv"[part]).join(", ")}`,
        rows,
      ]);
    }
  }
  return orders.flatMap(([mistake, rows]) =>
    suffixGroups(parts, at, has).map((suffixes): Hypothesis => {
      const tensors = suffixes.flatMap((suffix) =>
        parts.map((name) => at(`self_attn.${name}.${suffix}`)),
      );
      return {
        cause: "qkv-split-order",
        tensors,
        mistake,
        undo: async (read) => {
          const changes = new Map<string, HostTensor>();
          for (const suffix of suffixes) {
            const names = parts.map((name) => at(`self_attn.${name}.${suffix}`));
            const fused = takeRows(stacked(await Promise.all(names.map(read))), rows);
            let begin = 0;
            for (const [index, name] of names.entries()) {
              const size = sizes[index] ?? 0;
              const first = begin;
              changes.set(
                name,
                takeRows(
                  fused,
                  Array.from({ length: size }, (_unused, row) => first + row),
                ),
              );
              begin += size;
            }
          }
          return changes;
        },
      };
    }),
  );
}

/** Row numbers of [q | k | v] in the order by key-value head: its queries, its key, its value. */
export function groupedRows({ heads, kvHeads, headDim }: ModelConfig): readonly number[] {
  const perGroup = heads / kvHeads;
  const rows: number[] = [];
  const push = (firstHead: number, count: number): void => {
    for (let row = 0; row < count * headDim; row++) rows.push(firstHead * headDim + row);
  };
  for (let group = 0; group < kvHeads; group++) {
    push(group * perGroup, perGroup);
    push(heads + group, 1);
    push(heads + kvHeads + group, 1);
  }
  return rows;
}

/** Bits of one half dtype read as the other, or bytes in the other order; of one tensor or of all in the layer. */
export function rereadHypotheses(
  names: readonly string[],
  dtypeOf: (name: string) => Dtype | undefined,
): readonly Hypothesis[] {
  const matrices = names.filter((name) =>
    MATRICES.some((matrix) => name.endsWith(`${matrix}.weight`)),
  );
  const groups = [names, matrices, ...names.map((name) => [name])];
  return groups.flatMap((tensors) => rereadsOf(tensors, dtypeOf));
}

/** The rereadings of a group of tensors. */
export function rereadsOf(
  tensors: readonly string[],
  dtypeOf: (name: string) => Dtype | undefined,
): readonly Hypothesis[] {
  const dtype = dtypeOf(tensors[0] ?? "");
  const make = (
    cause: Cause,
    mistake: string,
    edit: (tensor: HostTensor, bits: Uint16Array | undefined) => HostTensor,
  ): Hypothesis => ({
    cause,
    tensors,
    mistake,
    undo: async (read, readBits) => {
      const changes = new Map<string, HostTensor>();
      for (const name of tensors) changes.set(name, edit(await read(name), await readBits(name)));
      return changes;
    },
  });
  const misread = (from: HalfDtype, to: HalfDtype): Hypothesis =>
    make("dtype-misread", `${to} bits were read as ${from}`, (tensor, bits) =>
      rereadHalves(tensor.shape, bits ?? halvesOf(tensor, from), to, false),
    );
  const swapped = (from: HalfDtype): Hypothesis =>
    make("byte-swapped", "the bytes of each element are in the other order", (tensor, bits) =>
      rereadHalves(tensor.shape, bits ?? halvesOf(tensor, from), from, true),
    );
  switch (dtype) {
    case "F16":
      return [misread("F16", "BF16"), swapped("F16")];
    case "BF16":
      return [misread("BF16", "F16"), swapped("BF16")];
    case "F32":
      return [
        misread("F16", "BF16"),
        misread("BF16", "F16"),
        swapped("F16"),
        swapped("BF16"),
        make("byte-swapped", "the bytes of each element are in the other order", swappedWords),
      ];
    default:
      return [];
  }
}

/** The layer has another layer's parameters: all of them, its attention, its MLP, or one. */
function layerSwapHypotheses(
  layer: number,
  config: ModelConfig,
  names: readonly string[],
): readonly Hypothesis[] {
  const hypotheses: Hypothesis[] = [];
  for (let other = 0; other < config.layers; other++) {
    if (other === layer) continue;
    const own = layerNames(layer, names);
    const groups = [
      own,
      own.filter((name) => name.includes(".self_attn.")),
      own.filter((name) => name.includes(".mlp.")),
      ...own.map((name) => [name]),
    ];
    for (const group of groups) hypotheses.push(exchange(group, layer, other));
  }
  return hypotheses;
}

function exchange(group: readonly string[], layer: number, other: number): Hypothesis {
  const otherName = (name: string): string =>
    name.replace(`model.layers.${layer}.`, `model.layers.${other}.`);
  return {
    cause: "swapped",
    tensors: [...group, ...group.map(otherName)],
    mistake: `layers ${Math.min(layer, other)} and ${Math.max(layer, other)} are stored in each other's place`,
    undo: async (read) => {
      const changes = new Map<string, HostTensor>();
      for (const name of group) {
        changes.set(name, await read(otherName(name)));
        changes.set(otherName(name), await read(name));
      }
      return changes;
    },
  };
}

/** Heads in another order in q, k, v or o; in all but o together it is the same as in o alone. */
function headHypotheses(
  at: (name: string) => string,
  config: ModelConfig,
  has: ReadonlySet<string>,
): readonly Hypothesis[] {
  const { heads, kvHeads, headDim } = config;
  const groups: readonly (readonly string[])[] =
    heads === kvHeads
      ? [
          ["q_proj", "k_proj", "v_proj"],
          ["q_proj"],
          ["k_proj"],
          ["v_proj"],
          ["q_proj", "k_proj"],
          ["k_proj", "v_proj"],
        ]
      : [["q_proj"], ["k_proj", "v_proj"], ["k_proj"], ["v_proj"]];
  const hypotheses: Hypothesis[] = [];
  for (const group of groups) {
    const count = group.includes("q_proj") ? heads : kvHeads;
    for (const order of headOrders(count)) {
      const rows = headRows(inverse(order), headDim);
      for (const suffixes of suffixGroups(group, at, has)) {
        const tensors = suffixes.flatMap((suffix) =>
          group.map((name) => at(`self_attn.${name}.${suffix}`)),
        );
        hypotheses.push({
          cause: "head-order",
          tensors,
          mistake: `heads in the order ${order.join(", ")}`,
          undo: (read) => edited(tensors, read, (tensor) => takeRows(tensor, rows)),
        });
      }
    }
  }
  if (heads !== kvHeads) {
    for (const order of headOrders(heads)) {
      const tensors = [at("self_attn.o_proj.weight")];
      const columns = headRows(inverse(order), headDim);
      hypotheses.push({
        cause: "head-order",
        tensors,
        mistake: `heads in the order ${order.join(", ")}`,
        undo: (read) => edited(tensors, read, (tensor) => takeColumns(tensor, columns)),
      });
    }
  }
  return hypotheses;
}

async function edited(
  names: readonly string[],
  read: Read,
  edit: (tensor: HostTensor, name: string) => HostTensor,
): Promise<ReadonlyMap<string, HostTensor>> {
  const changes = new Map<string, HostTensor>();
  for (const name of names) changes.set(name, edit(await read(name), name));
  return changes;
}
