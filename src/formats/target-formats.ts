/** What every place knows of a format that is written. */
interface TargetFacts {
  /** The file's name where there is one. */
  readonly stem: string;
  readonly extension: string;
  /** How its users expect Linear weights. */
  readonly layout: "torch" | "paddle";
  /** Dimensions of a tensor that its library reads. */
  readonly maxRank: number;
  /** Names that mean something else in the format. */
  readonly reserved: readonly string[];
}

/** The formats that a conversion writes; options, schemas, plan files and the planning of outputs follow from it. */
export const TARGETS = {
  safetensors: {
    stem: "model",
    extension: "safetensors",
    layout: "torch",
    maxRank: Number.POSITIVE_INFINITY,
    reserved: ["__metadata__"],
  },
  pytorch: { stem: "pytorch_model", extension: "bin", layout: "torch", maxRank: 64, reserved: [] },
  paddle: {
    stem: "model_state",
    extension: "pdparams",
    layout: "paddle",
    maxRank: 64,
    reserved: ["StructuredToParameterName@@", "UnpackBigParamInfor@@"],
  },
  // ggml.h, `GGML_MAX_DIMS`.
  gguf: { stem: "model", extension: "gguf", layout: "torch", maxRank: 4, reserved: [] },
} as const satisfies Record<string, TargetFacts>;

export type TargetFormat = keyof typeof TARGETS;

/** In the order in which help and schemas tell them. */
export const TARGET_FORMATS: readonly TargetFormat[] = Object.keys(TARGETS).filter(
  (name): name is TargetFormat => Object.hasOwn(TARGETS, name),
);
