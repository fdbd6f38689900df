import { activationName } from "../../../model/config/activation.ts";
import type { ModelConfig } from "../../../model/config/model-config.ts";
import { familyOf } from "../../../model/families.ts";
import { dynamicBase } from "../../../runtime/model/rope.ts";
import { yarnMagnitude, type RopeScaling } from "../../../model/config/rope.ts";

/** Another configuration that the reference may have been computed with. */
export interface ConfigHypothesis {
  readonly config: ModelConfig;
  /** What differs: one setting, or two. */
  readonly fields: readonly {
    readonly field: string;
    readonly ours: string;
    readonly theirs: string;
  }[];
  /** Whether it changes nothing at the first token of a prompt: rotary settings, and how rows are heads. */
  readonly isOfPositions: boolean;
}

const EPSILONS = [1e-6, 1e-5, 1e-8, 1e-12, 1e-7, 1e-4, 1e-3, 1e-2];
const THETAS = [10_000, 1_000_000, 500_000, 100_000, 1000, 20_000, 40_000, 50_000, 5_000_000];
const FACTORS = [1, 2, 4, 8];
const LLAMA3_FACTORS = [8, 32, 4, 16, 2];

/** Wave lengths between which llama3's scaling blends, in shares of the original length. */
const LLAMA3_BANDS = [
  { lowFreqFactor: 1, highFreqFactor: 4 },
  { lowFreqFactor: 1, highFreqFactor: 8 },
  { lowFreqFactor: 2, highFreqFactor: 4 },
  { lowFreqFactor: 1, highFreqFactor: 2 },
];

/** Caps of scores in published models: Gemma 2's. */
const CAPS = [50];

/** The same of logits. */
const LOGIT_CAP = 30;

/** Experts that a token of a published model takes at most. */
const MOST_EXPERTS = 16;

/** Contexts that a model may have had before it was stretched: Llama 3's own, then every power of two. */
const ORIGINAL_POSITIONS = [
  8192, 4096, 2048, 16_384, 32_768, 1024, 512, 256, 128, 64, 32, 16, 65_536, 131_072,
];

/** Settings that change the first token of a prompt, too. */
const AT_FIRST: ReadonlySet<string> = new Set([
  "rms_norm_eps",
  "tie_word_embeddings",
  "the activation",
  "num_experts_per_tok",
  "norm_topk_prob",
  "final_logit_softcapping",
]);

const ACTIVATIONS = ["gelu", "geluTanh", "relu", "silu", "relu2", "quickGelu"] as const;

/** Settings that leave every shape as it is, the likely values of each. */
export function configHypotheses(config: ModelConfig): readonly ConfigHypothesis[] {
  const hypotheses: ConfigHypothesis[] = [];
  const add = (
    field: string,
    ours: unknown,
    theirs: unknown,
    change: Partial<ModelConfig>,
  ): void => {
    if (JSON.stringify(ours) === JSON.stringify(theirs)) return;
    if (config.rotaryDims === 0 && change.rope !== undefined) return;
    hypotheses.push({
      config: { ...config, ...change },
      fields: [{ field, ours: JSON.stringify(ours), theirs: JSON.stringify(theirs) }],
      // Of grouped heads, another number has other values at the first token, too.
      isOfPositions:
        !AT_FIRST.has(field) &&
        !(field === "num_attention_heads" && config.heads !== config.kvHeads),
    });
  };
  for (const rmsNormEps of EPSILONS)
    add("rms_norm_eps", config.rmsNormEps, rmsNormEps, { rmsNormEps });
  for (const activation of ACTIVATIONS)
    add("the activation", activationName(config), activationName({ activation }), { activation });
  const { rope, experts } = config;
  if (experts !== undefined) {
    const { perToken, isNormalised } = experts;
    for (let count = 1; count <= Math.min(experts.count, MOST_EXPERTS); count++)
      add("num_experts_per_tok", perToken, count, { experts: { ...experts, perToken: count } });
    add("norm_topk_prob", isNormalised, !isNormalised, {
      experts: { ...experts, isNormalised: !isNormalised },
    });
  }
  for (const theta of THETAS) add("rope_theta", rope.theta, theta, { rope: { ...rope, theta } });
  add(
    "rope scaling",
    rope.scaling,
    { kind: "none" },
    { rope: { ...rope, scaling: { kind: "none" } } },
  );
  add("tie_word_embeddings", config.tieWordEmbeddings, false, { tieWordEmbeddings: false });
  for (const factor of FACTORS) {
    const dynamic = { kind: "dynamic-ntk", factor, wholeCache: true } as const;
    const isSame = rope.scaling.kind === "dynamic-ntk" && rope.scaling.factor === factor;
    if (!isSame)
      add("rope scaling", rope.scaling, dynamic, { rope: { ...rope, scaling: dynamic } });
    const linear = { kind: "linear", factor } as const;
    if (factor > 1)
      add("rope scaling", rope.scaling, linear, { rope: { ...rope, scaling: linear } });
  }
  for (const scaling of stretchedRotaries(config))
    add("rope scaling", rope.scaling, scaling, { rope: { ...rope, scaling } });
  // Norms of heads have their width, which another number of heads would change.
  const ratios = hasHeadNorms(config) ? [] : [0.5, 2, 0.25, 4, 8, 0.125];
  for (const ratio of ratios) {
    const heads = config.heads * ratio;
    const kvHeads = config.kvHeads * ratio;
    const headDim = config.headDim / ratio;
    const rotaryDims = config.rotaryDims / ratio;
    if (!Number.isSafeInteger(heads) || !Number.isSafeInteger(kvHeads) || rotaryDims % 2 !== 0)
      continue;
    add("num_attention_heads", config.heads, heads, {
      heads,
      kvHeads,
      headDim,
      rotaryDims,
    });
  }
  if (hasCaps(config)) {
    for (const attentionCap of CAPS)
      add("attn_logit_softcapping", config.attentionCap ?? null, attentionCap, { attentionCap });
    const { attentionCap: cap, ...uncapped } = config;
    if (cap !== undefined)
      hypotheses.push({
        config: uncapped,
        fields: [{ field: "attn_logit_softcapping", ours: String(cap), theirs: "none" }],
        isOfPositions: true,
      });
    for (const queryScalar of new Set([
      config.headDim,
      config.hiddenSize / config.heads,
      config.hiddenSize,
      256,
    ]))
      add("query_pre_attn_scalar", config.queryScalar, queryScalar, { queryScalar });
  }
  if (capsLogits(config)) {
    const { logitCap, ...uncapped } = config;
    add("final_logit_softcapping", logitCap ?? null, LOGIT_CAP, { logitCap: LOGIT_CAP });
    if (logitCap !== undefined)
      hypotheses.push({
        config: uncapped,
        fields: [{ field: "final_logit_softcapping", ours: String(logitCap), theirs: "none" }],
        isOfPositions: false,
      });
  }
  for (const rotaryDims of rotatedSizes(config))
    add("rotated dimensions", config.rotaryDims, rotaryDims, { rotaryDims });
  for (const ratio of [0.5, 2, 0.25, 4]) {
    const maxPositions = config.maxPositions * ratio;
    if (rope.scaling.kind === "dynamic-ntk" && Number.isSafeInteger(maxPositions)) {
      add("max_position_embeddings", config.maxPositions, maxPositions, { maxPositions });
    }
  }
  return hypotheses;
}

/** Shares of a head that published models rotate, then every other even number of dimensions. */
const SHARES = [1, 0.5, 0.25, 0.75, 0.4];

function rotatedSizes({ headDim, rotaryDims }: ModelConfig): readonly number[] {
  if (rotaryDims === 0) return [];
  const usual = SHARES.map((share) => 2 * Math.round((share * headDim) / 2));
  const every = Array.from({ length: Math.floor(headDim / 2) }, (_unused, half) => 2 * (half + 1));
  return [...new Set([...usual, ...every])].filter((dims) => dims > 0 && dims <= headDim);
}

/** Whether config.json has a cap of logits. */
export function capsLogits({ family }: ModelConfig): boolean {
  return family === "gemma2" || family === "gemma3_text";
}

/** Whether config.json has a cap of scores and a divisor of them: Gemma 2's network. */
function hasCaps({ family }: ModelConfig): boolean {
  return family === "gemma2";
}

function hasHeadNorms({ family }: ModelConfig): boolean {
  return familyOf(family).network.parameters.some(({ role }) => role === "queryNorm");
}

/** A base and a scaling that both were lost, each of the likely ones. */
export function pairedRotaries(config: ModelConfig): readonly ConfigHypothesis[] {
  const { rope } = config;
  const scalings: readonly RopeScaling[] = [
    { kind: "none" },
    ...[2, 4, 8].map((factor): RopeScaling => ({ kind: "linear", factor })),
    ...stretchedRotaries(config),
  ];
  return THETAS.flatMap((theta) => scalings.map((scaling) => ({ theta, scaling })))
    .filter(
      ({ theta, scaling }) =>
        theta !== rope.theta && JSON.stringify(scaling) !== JSON.stringify(rope.scaling),
    )
    .map(({ theta, scaling }) => ({
      config: { ...config, rope: { ...rope, theta, scaling } },
      fields: [
        { field: "rope_theta", ours: String(rope.theta), theirs: String(theta) },
        {
          field: "rope scaling",
          ours: JSON.stringify(rope.scaling),
          theirs: JSON.stringify(scaling),
        },
      ],
      isOfPositions: true,
    }));
}

/** What is published: Llama 3.1 and 3.2, YaRN by powers of two; and this model's own kind by another factor. */
function stretchedRotaries({ rope, maxPositions }: ModelConfig): readonly RopeScaling[] {
  const { scaling } = rope;
  if (scaling.kind === "llama3")
    return [
      ...LLAMA3_FACTORS.map((factor) => ({ ...scaling, factor })),
      ...LLAMA3_BANDS.map((band) => ({ ...scaling, ...band })),
      ...ORIGINAL_POSITIONS.map((originalMaxPositions) => ({ ...scaling, originalMaxPositions })),
    ];
  const llama3 = ORIGINAL_POSITIONS.flatMap((originalMaxPositions) =>
    LLAMA3_FACTORS.map((factor): RopeScaling => ({
      kind: "llama3",
      factor,
      lowFreqFactor: 1,
      highFreqFactor: 4,
      originalMaxPositions,
    })),
  );
  const yarn = [2, 4, 8, 16].map((factor): RopeScaling => ({
    kind: "yarn",
    factor,
    betaFast: 32,
    betaSlow: 1,
    originalMaxPositions: maxPositions / factor,
    attentionFactor: yarnMagnitude(factor, 1),
    truncate: true,
  }));
  return [...llama3, ...yarn];
}

/** A setting that may be any number of an interval. */
export interface ConfigRange {
  readonly field: string;
  readonly ours: string;
  readonly low: number;
  readonly high: number;
  /** Only whole numbers. */
  readonly whole: boolean;
  readonly isOfPositions: boolean;
  /** What a value is called; the number itself when left out. */
  readonly shown?: (value: number) => string;
  readonly make: (value: number) => ModelConfig;
}

/** The longest context that a model was trained on before it was stretched. */
const LONGEST_CONTEXT = 131_072;

/** Positions up to which a dynamic scaling is looked for: prompts of goldens are shorter. */
const MAX_POSITIONS = 32_768;

/** Dynamic scaling computed for a longer prompt than those of the reference, whose table was kept. */
function staleTables(config: ModelConfig): readonly ConfigRange[] {
  const { rope, maxPositions, rotaryDims } = config;
  const { scaling, theta } = rope;
  if (scaling.kind !== "dynamic-ntk") return [];
  return [
    {
      field: "the rotary table",
      ours: "that of each prompt's own length",
      shown: (tokens) => `that of a longer prompt, of ${tokens} tokens, left over,`,
      low: maxPositions + 1,
      high: Math.max(MAX_POSITIONS, 2 * maxPositions),
      whole: true,
      isOfPositions: true,
      make: (tokens) =>
        tableOf(config, dynamicBase(scaling, theta, rotaryDims, tokens, maxPositions)),
    },
  ];
}

/** The configuration with one table for every length. */
function tableOf(config: ModelConfig, theta: number): ModelConfig {
  return { ...config, rope: { theta, scaling: { kind: "none" } } };
}

/** Tokens of a prompt, and those that had been computed when its continuation was generated, 0 where none was. */
export interface PromptLengths {
  readonly length: number;
  readonly generated: number;
}

/**
 * What each prompt of a reference is computed with where the table of the longest prompt so far is kept: transformers goes back to
 * the plain table at prompts shorter than the trained context, other code never does.
 */
export function leftOverTables(
  config: ModelConfig,
  prompts: readonly PromptLengths[],
): readonly (readonly { readonly config: ModelConfig; readonly tokens: number }[])[] {
  const { rope, maxPositions, rotaryDims } = config;
  const { scaling, theta } = rope;
  if (scaling.kind !== "dynamic-ntk") return [];
  return [true, false].flatMap((goesBack) => {
    let longest = 0;
    const tokens = prompts.map(({ length, generated }) => {
      longest = goesBack && length < maxPositions ? length : Math.max(longest, length);
      const own = longest;
      longest = Math.max(longest, generated);
      return own;
    });
    const isStale = tokens.some(
      (one, index) => one !== prompts[index]?.length && one > maxPositions,
    );
    if (!isStale) return [];
    return [
      tokens.map((one) => ({
        tokens: one,
        config:
          one <= maxPositions
            ? tableOf(config, theta)
            : tableOf(config, dynamicBase(scaling, theta, rotaryDims, one, maxPositions)),
      })),
    ];
  });
}

/** The settings that are numbers, each with the interval that it is looked for in. */
export function configRanges(config: ModelConfig): readonly ConfigRange[] {
  const { rope } = config;
  const withRope = (change: Partial<ModelConfig["rope"]>): ModelConfig => ({
    ...config,
    rope: { ...rope, ...change },
  });
  const { scaling } = rope;
  const dynamic = scaling.kind === "dynamic-ntk" ? scaling : undefined;
  const wholeCache = dynamic?.wholeCache ?? true;
  const ranges: ConfigRange[] = [
    ...staleTables(config),
    {
      field: "rms_norm_eps",
      ours: String(config.rmsNormEps),
      low: 1e-12,
      high: 1,
      whole: false,
      isOfPositions: false,
      make: (rmsNormEps) => ({ ...config, rmsNormEps }),
    },
    {
      field: "rope_theta",
      ours: String(rope.theta),
      low: 10,
      high: 1e9,
      whole: false,
      isOfPositions: true,
      make: (theta) => withRope({ theta }),
    },
    {
      field: "rope scaling linear, its factor",
      ours: JSON.stringify(scaling),
      low: 0.1,
      high: 100,
      whole: false,
      isOfPositions: true,
      make: (factor) => withRope({ scaling: { kind: "linear", factor } }),
    },
  ];
  if (hasCaps(config))
    ranges.push(
      {
        field: "attn_logit_softcapping",
        ours: String(config.attentionCap ?? null),
        low: 0.1,
        high: 1000,
        whole: false,
        isOfPositions: true,
        make: (attentionCap) => ({ ...config, attentionCap }),
      },
      {
        field: "query_pre_attn_scalar",
        ours: String(config.queryScalar),
        low: 1,
        high: 10_000,
        whole: false,
        isOfPositions: true,
        make: (queryScalar) => ({ ...config, queryScalar }),
      },
    );
  if (scaling.kind === "none")
    for (const factor of LLAMA3_FACTORS)
      ranges.push({
        field: "rope scaling",
        ours: "none",
        shown: (length) => `llama3's by ${factor}, of an original length of ${length},`,
        low: 1,
        high: LONGEST_CONTEXT,
        whole: false,
        isOfPositions: true,
        make: (originalMaxPositions) =>
          withRope({
            scaling: {
              kind: "llama3",
              factor,
              lowFreqFactor: 1,
              highFreqFactor: 4,
              originalMaxPositions,
            },
          }),
      });
  if (scaling.kind === "llama3")
    ranges.push(
      {
        field: "rope scaling llama3, its original length",
        ours: String(scaling.originalMaxPositions),
        low: 1,
        high: LONGEST_CONTEXT,
        whole: false,
        isOfPositions: true,
        make: (originalMaxPositions) => withRope({ scaling: { ...scaling, originalMaxPositions } }),
      },
      {
        field: "rope scaling llama3, its factor",
        ours: String(scaling.factor),
        low: 0.1,
        high: 1000,
        whole: false,
        isOfPositions: true,
        make: (factor) => withRope({ scaling: { ...scaling, factor } }),
      },
    );
  if (dynamic === undefined) return ranges;
  return [
    ...ranges,
    {
      field: "rope scaling dynamic, its factor",
      ours: String(dynamic.factor),
      low: 0.1,
      high: 100,
      whole: false,
      isOfPositions: true,
      make: (factor) => withRope({ scaling: { kind: "dynamic-ntk", factor, wholeCache } }),
    },
    {
      field: "max_position_embeddings",
      ours: String(config.maxPositions),
      low: 1,
      high: MAX_POSITIONS,
      whole: true,
      isOfPositions: true,
      make: (maxPositions) => ({ ...config, maxPositions }),
    },
  ];
}
