import type { CheckOptions } from "../api/check.ts";
import type { ConvertOptions } from "../api/convert.ts";
import type { DeltaOptions } from "../convert/settings.ts";
import type { GenerateChatOptions, GenerateOptions } from "../api/generate.ts";
import type { InspectOptions } from "../api/inspect.ts";
import type { LogitsOptions } from "../api/logits.ts";
import type { ScanOptions } from "../api/scan.ts";
import type { OpenOptions, Selection } from "../formats/open.ts";
import type { RulesFor } from "../options/check-options.ts";
import {
  BEYOND_CONTEXT,
  CAST_DTYPES,
  ACTIVATIONS,
  COMPUTE_DTYPES,
  DELTA_DTYPES,
  DELTA_RECIPES,
  DEVICES,
  LAYOUTS,
  PADDLE_WRITERS,
  QUANTISATIONS,
  TARGET_DTYPES,
  TARGET_FORMATS,
  TOKENIZER_FORMS,
  TOLERANCE_PROFILES,
} from "../options/choices.ts";
import type { SamplingSettings } from "../runtime/generation/sampling-settings.ts";
import type { GeneratorOptions } from "../session/generator.ts";
import type { ExactOptions, RuntimeOptions } from "../session/open-runtime.ts";
import type { EndpointOptions } from "../verify/endpoint/against-endpoint.ts";
import type { RequestLimits } from "../verify/endpoint/client.ts";
import type { DiffModelsOptions } from "../verify/diff.ts";
import type { RecordGoldenOptions } from "../verify/golden/record.ts";
import type { VerifyOptions } from "../verify/result.ts";

const signal = { kind: "signal" } as const;
const flag = { kind: "flag" } as const;
const text = { kind: "text" } as const;
const number = { kind: "number" } as const;
const count = { kind: "count" } as const;
const told = { kind: "function" } as const;
const prompts = { kind: "prompts" } as const;
const layout = { kind: "choice", values: LAYOUTS } as const;

// The rules of every function's options: an option that is added to a function and not here is a type error.

const SELECTION: RulesFor<Selection> = {
  select: text,
  dataOnly: flag,
  dense: flag,
  stripPrefix: { kind: "texts" },
  rename: { kind: "texts" },
  drop: { kind: "texts" },
};
const selection = { kind: "object", rules: SELECTION } as const;

export const OPEN: RulesFor<OpenOptions> = {
  selection,
  lenient: flag,
  dequantise: flag,
  signal,
};
export const INSPECT: RulesFor<InspectOptions> = { architecture: text, selection, signal };
export const CHECK: RulesFor<CheckOptions> = { architecture: text, digests: flag, signal };
export const SCAN: RulesFor<ScanOptions> = { signal };

const DELTA: RulesFor<DeltaOptions> = {
  path: text,
  recipe: { kind: "choice", values: DELTA_RECIPES },
  dtype: { kind: "choice", values: DELTA_DTYPES },
};

export const CONVERT: RulesFor<Omit<ConvertOptions, "fileSystem">> = {
  to: { kind: "choice", values: TARGET_FORMATS },
  layout,
  dtype: { kind: "choice", values: TARGET_DTYPES },
  for: { kind: "choice", values: PADDLE_WRITERS },
  maxShardSize: { kind: "size" },
  architecture: text,
  sourceLayout: layout,
  transpose: { kind: "texts" },
  quantize: { kind: "choice", values: QUANTISATIONS },
  dequantize: { kind: "choice", values: CAST_DTYPES },
  keep: { kind: "texts" },
  delta: { kind: "object", rules: DELTA },
  lora: text,
  map: text,
  like: text,
  selection,
  allowExpansion: flag,
  dryRun: flag,
  resume: flag,
  force: flag,
  verify: flag,
  plan: text,
  part: { kind: "part" },
  finish: flag,
  signal,
  onProgress: told,
};

export const DIFF: RulesFor<DiffModelsOptions> = {
  maxAbs: number,
  architecture: text,
  selection,
  sourceLayout: layout,
  diagnose: flag,
  signal,
  onProgress: told,
};

const EXACT: RulesFor<ExactOptions> = {
  device: { kind: "choice", values: DEVICES },
  compute: { kind: "choice", values: COMPUTE_DTYPES },
  maxMemory: { kind: "size" },
  tokenizer: { kind: "choice", values: TOKENIZER_FORMS },
  sourceLayout: layout,
  verbose: flag,
  signal,
};

export const RUNTIME: RulesFor<RuntimeOptions> = {
  ...EXACT,
  activations: { kind: "choice", values: ACTIVATIONS },
};

const LIMITS: RulesFor<RequestLimits> = { timeoutMs: number, maxBytes: count };
const ENDPOINT: RulesFor<EndpointOptions> = {
  url: text,
  apiKeyEnv: text,
  model: text,
  limits: { kind: "object", rules: LIMITS },
};

export const VERIFY: RulesFor<VerifyOptions> = {
  ...EXACT,
  endpoint: { kind: "object", rules: ENDPOINT },
  other: text,
  golden: text,
  imatrix: text,
  selection,
  prompts,
  profile: { kind: "choice", values: TOLERANCE_PROFILES },
  maxAbs: number,
  kl: number,
  calibrate: flag,
  weights: flag,
  diagnose: flag,
  onProgress: told,
};

export const RECORD: RulesFor<RecordGoldenOptions> = {
  ...EXACT,
  prompts,
  positions: { kind: "positions" },
  hiddenStates: flag,
  greedyTokens: count,
  onProgress: told,
};

export const LOGITS: RulesFor<LogitsOptions> = {
  ...RUNTIME,
  prompts,
  positions: { kind: "positions" },
  top: count,
  out: text,
  hiddenStates: flag,
  onProgress: told,
};

const SAMPLING: RulesFor<SamplingSettings> = {
  doSample: flag,
  temperature: number,
  topK: count,
  topP: number,
  minP: number,
  typicalP: number,
  epsilonCutoff: number,
  etaCutoff: number,
  topH: number,
  repetitionPenalty: number,
  seed: number,
};

const CHAT: RulesFor<GenerateChatOptions> = {
  template: text,
  allowControlTokens: flag,
  conversations: { kind: "conversations" },
  system: { kind: "anyText" },
};

export const GENERATE: RulesFor<GenerateOptions> = {
  ...RUNTIME,
  ...SAMPLING,
  prompts,
  maxNewTokens: number,
  maxLength: number,
  stop: { kind: "texts" },
  stopIds: { kind: "ids" },
  chat: { kind: "object", rules: CHAT },
  beyondContext: { kind: "choice", values: BEYOND_CONTEXT },
  onText: told,
  onId: told,
  onProgress: told,
};

export const GENERATOR: RulesFor<GeneratorOptions> = {
  ...RUNTIME,
  capacity: told,
  needsTokenizer: flag,
  onLoad: told,
};
