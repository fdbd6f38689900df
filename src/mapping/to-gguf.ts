import type { ModelConfig } from "../model/config/model-config.ts";
import type { Role } from "../model/parameter.ts";
import { DTYPES } from "../tensor/dtype.ts";
import type { StoredTensor } from "../tensor/table.ts";
import { assemblyOf, wholeView, type Assembly } from "./assembly.ts";
import { shiftedSource } from "./from-gguf.ts";
import { splitLatent } from "./gguf-latent.ts";
import { MIXTURES, mixtureType, type Mixed, type Mixture } from "./gguf-mixture.ts";
import type { CastDtype } from "./step.ts";
import type { NamedTensor } from "./write-statement.ts";

/** What matrices are kept as. */
export type Quantisation = CastDtype | Mixture;

export interface GgufChoice {
  readonly quantize?: Quantisation | undefined;
  readonly dtype?: CastDtype | "keep" | undefined;
}

/**
 * A model's tensors as convert_hf_to_gguf.py writes them: experts stacked in one tensor, Gemma's norms with 1 added, vectors and routers
 * in float32, matrices as they are asked for (llama-cpp-python 0.3.36, conversion/base.py, `prepare_tensors`).
 */
export function forGguf(
  named: readonly NamedTensor[],
  config: ModelConfig,
  choice: GgufChoice,
): readonly NamedTensor[] {
  const model = { config, isTied: !named.some((tensor) => tensor.class === "head") };
  return named
    .flatMap((tensor) => splitLatent(withOffset(tensor), config))
    .map((tensor) => ({ ...tensor, storedAs: storedAs(tensor, model, choice) }));
}

/** What the model adds to the stored numbers is added in the file. */
function withOffset(tensor: NamedTensor): NamedTensor {
  const [first] = tensor.of;
  if (first?.spec.parameter.offset !== 1) return tensor;
  const { assembly } = tensor;
  const made: StoredTensor = {
    name: tensor.name,
    dtype: "F32",
    shape: assembly.shape,
    strides: [1],
    storage: tensor.name,
    source: shiftedSource(assembly, tensor.name, 1),
    byteOffset: 0,
    byteOrder: "little",
  };
  return { ...tensor, assembly: assemblyOf(wholeView(made)) };
}

function storedAs(
  tensor: NamedTensor,
  model: Mixed,
  { quantize, dtype }: GgufChoice,
): NonNullable<NamedTensor["storedAs"]> {
  const { assembly, class: kind } = tensor;
  if (DTYPES[assembly.dtype].kind !== "float") return {};
  const castTo = (wanted: CastDtype): { readonly cast?: CastDtype } =>
    assembly.dtype === wanted ? {} : { cast: wanted };
  const isSmall = tensor.of.some(({ spec }) => FLOAT32_ROLES.has(spec.parameter.role));
  if (assembly.shape.length < 2 || kind === "vector" || kind === "router" || isSmall)
    return castTo("F32");
  const wanted = quantize ?? (dtype === "keep" ? undefined : dtype);
  if (wanted === undefined) return isKept(assembly) ? {} : castTo("F32");
  if (!isMixture(wanted)) return castTo(wanted);
  const matrix = {
    class: kind,
    shape: assembly.shape,
    roles: tensor.of.map(({ spec }) => spec.parameter.role),
    layer: tensor.of[0]?.spec.layer ?? -1,
  };
  const type = mixtureType(matrix, wanted, model);
  return type === "F16" ? castTo(type) : { quantised: type };
}

/** Kept in float32 whatever their shape is (conversion/base.py, `prepare_tensors`). */
const FLOAT32_ROLES: ReadonlySet<Role> = new Set(["routerBias", "positionEmbedding"]);

function isMixture(wanted: Quantisation): wanted is Mixture {
  return Object.hasOwn(MIXTURES, wanted);
}

/** Dtypes of matrices that llama.cpp computes with. */
function isKept({ dtype }: Assembly): boolean {
  return dtype === "F32" || dtype === "F16" || dtype === "BF16";
}
