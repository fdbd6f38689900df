/** How a matrix is stored that is no plain matrix. */
export type QuantisedBy =
  | "GPTQ"
  | "AWQ"
  | "FP8 with block scales"
  | "FP8 with a scale"
  | "bitsandbytes, 4 bit"
  | "bitsandbytes, 8 bit"
  | "compressed-tensors"
  | "MXFP4";

/** One format: what it stores beside or in place of `weight`, as the last key of a name. */
interface Format {
  readonly by: QuantisedBy;
  /** Keys that have to be there for the format to be told. */
  readonly needs: readonly string[];
  /** Keys that must not be there. */
  readonly without?: readonly string[];
  /** Keys that belong to it where they are there. */
  readonly parts: readonly string[];
}

/** The first that fits is taken. Names as AutoGPTQ, AutoAWQ, transformers 5 (fine-grained FP8) and compressed-tensors write them. */
const FORMATS: readonly Format[] = [
  {
    by: "compressed-tensors",
    needs: ["weight_packed"],
    parts: [
      "weight_packed",
      "weight_scale",
      "weight_shape",
      "weight_zero_point",
      "weight_g_idx",
      "input_scale",
      "input_zero_point",
    ],
  },
  {
    by: "GPTQ",
    needs: ["qweight", "qzeros", "g_idx"],
    parts: ["qweight", "qzeros", "scales", "g_idx"],
  },
  {
    by: "AWQ",
    needs: ["qweight", "qzeros"],
    without: ["g_idx"],
    parts: ["qweight", "qzeros", "scales"],
  },
  {
    by: "FP8 with block scales",
    needs: ["weight", "weight_scale_inv"],
    parts: ["weight", "weight_scale_inv", "activation_scale"],
  },
  {
    by: "FP8 with a scale",
    needs: ["weight", "weight_scale"],
    parts: ["weight", "weight_scale", "weight_zero_point", "input_scale", "input_zero_point"],
  },
  {
    by: "bitsandbytes, 8 bit",
    needs: ["weight", "SCB"],
    parts: ["weight", "SCB", "weight_format"],
  },
];

/** gpt-oss (transformers 5, integrations/mxfp4.py): codes of experts in blocks of 32, and their exponents, behind a name without a key of its own. */
const MXFP4_PARTS = ["_blocks", "_scales"];

/** What bitsandbytes puts behind the whole name of a tensor of 4 bits. */
const FOUR_BIT_MARK = ".absmax";
const FOUR_BIT_PARTS = [
  ".absmax",
  ".quant_map",
  ".nested_absmax",
  ".nested_quant_map",
  ".quant_state.",
];

/**
 * The tensors that are parts of quantised matrices, by name, with the format of each: codes, scales and tables together.
 * Told by which names stand side by side, so that a lone `scales` is nothing.
 */
export function quantisedTensors(names: readonly string[]): ReadonlyMap<string, QuantisedBy> {
  const found = new Map<string, QuantisedBy>();
  for (const [base, keys] of modulesOf(names)) {
    const format = FORMATS.find(
      ({ needs, without = [] }) =>
        needs.every((key) => keys.has(key)) && !without.some((key) => keys.has(key)),
    );
    if (format === undefined) continue;
    for (const key of format.parts) if (keys.has(key)) found.set(`${base}${key}`, format.by);
  }
  const known = new Set(names);
  for (const name of names) {
    const base = fourBitBase(name);
    if (base === undefined || !known.has(base) || !known.has(`${base}${FOUR_BIT_MARK}`)) continue;
    found.set(name, "bitsandbytes, 4 bit");
    found.set(base, "bitsandbytes, 4 bit");
  }
  for (const name of names) {
    const base = mxfp4Base(name);
    if (base !== undefined && MXFP4_PARTS.every((part) => known.has(`${base}${part}`)))
      found.set(name, "MXFP4");
  }
  return found;
}

/** A quantised matrix and its stored tensors. */
export interface QuantisedMatrix {
  /** What the matrix would be called if it was not quantised. */
  readonly name: string;
  readonly by: QuantisedBy;
  /** Stored names by the last key, or by what stands behind the matrix's own name (bitsandbytes, 4 bit). */
  readonly parts: ReadonlyMap<string, string>;
}

/** The matrices of `quantisedTensors`, each with all of its parts. */
export function quantisedMatrices(names: readonly string[]): readonly QuantisedMatrix[] {
  const matrices = new Map<string, { by: QuantisedBy; parts: Map<string, string> }>();
  for (const [name, by] of quantisedTensors(names)) {
    const behind =
      by === "bitsandbytes, 4 bit"
        ? (fourBitBase(name) ?? name)
        : by === "MXFP4"
          ? mxfp4Base(name)
          : undefined;
    const dot = name.lastIndexOf(".") + 1;
    const matrix = behind ?? `${name.slice(0, dot)}weight`;
    const known = matrices.get(matrix) ?? { by, parts: new Map<string, string>() };
    matrices.set(matrix, known);
    known.parts.set(name.slice(behind?.length ?? dot), name);
  }
  return [...matrices].map(([name, rest]) => ({ name, ...rest }));
}

/** The tensor that a part of bitsandbytes belongs to, by its name. */
function fourBitBase(name: string): string | undefined {
  for (const part of FOUR_BIT_PARTS) {
    const at = name.lastIndexOf(part);
    const isWhole = part.endsWith(".") || at + part.length === name.length;
    if (at > 0 && isWhole) return name.slice(0, at);
  }
  return undefined;
}

function mxfp4Base(name: string): string | undefined {
  const part = MXFP4_PARTS.find((one) => name.length > one.length && name.endsWith(one));
  return part === undefined ? undefined : name.slice(0, -part.length);
}

/** The last keys of the names below each module. */
function modulesOf(names: readonly string[]): ReadonlyMap<string, ReadonlySet<string>> {
  const modules = new Map<string, Set<string>>();
  for (const name of names) {
    const at = name.lastIndexOf(".") + 1;
    const base = name.slice(0, at);
    const keys = modules.get(base) ?? new Set<string>();
    modules.set(base, keys);
    keys.add(name.slice(at));
  }
  return modules;
}
