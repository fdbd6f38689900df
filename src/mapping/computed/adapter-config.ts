import { WbError } from "../../errors/wb-error.ts";
import { isRecord, recordIn } from "../../model/config/fields.ts";

/** What adapter_config.json says of how PEFT merges (peft v0.21, tuners/lora/config.py). */
export interface AdapterConfig {
  readonly path: string;
  readonly rank: number;
  readonly alpha: number;
  /** Scaling by the root of the rank. */
  readonly isRankStabilised: boolean;
  /** The adapted weights are [in, out], as GPT-2's are. */
  readonly isFanInFanOut: boolean;
  readonly alphaPattern: ReadonlyMap<string, number>;
  /** Embeddings and a head that is tied to them stay one matrix when they are saved whole. */
  readonly keepsTies: boolean;
}

/** Settings under which a merge is another computation, with what they would have to be. */
const UNSUPPORTED: readonly { readonly field: string; readonly what: string }[] = [
  { field: "use_dora", what: "DoRA (use_dora)" },
  { field: "lora_bias", what: "a bias of its own (lora_bias)" },
  { field: "alora_invocation_tokens", what: "activated LoRA (alora_invocation_tokens)" },
  {
    field: "trainable_token_indices",
    what: "tokens trained by themselves (trainable_token_indices)",
  },
  {
    field: "target_parameters",
    what: "parameters that are no module's weight (target_parameters)",
  },
  { field: "layer_replication", what: "layers repeated (layer_replication)" },
];

/** Ways to begin that take the factors' product off the base first, each time that an adapter is loaded (peft v0.21, tuners/lora/layer.py). */
const CHANGES_THE_BASE = /^(pissa|corda|olora|loftq|lora_ga)/i;

/** @throws WbError WB3710 for what is no configuration of LoRA, WB4705 for a kind that is not merged. */
export function parseAdapterConfig(text: string, path: string): AdapterConfig {
  const config = parsed(text, path);
  const kind = config["peft_type"];
  if (kind !== "LORA") throw unsupported(path, `peft_type ${JSON.stringify(kind) ?? "not said"}`);
  for (const { field, what } of UNSUPPORTED)
    if (isSet(config[field])) throw unsupported(path, what);
  const start = config["init_lora_weights"];
  if (typeof start === "string" && CHANGES_THE_BASE.test(start))
    throw unsupported(path, `init_lora_weights ${JSON.stringify(start)}, which changes the base`);
  const rank = config["r"];
  const alpha = config["lora_alpha"];
  if (typeof rank !== "number" || typeof alpha !== "number" || rank <= 0)
    throw damaged(path, "r and lora_alpha are to be numbers");
  return {
    path,
    rank,
    alpha,
    isRankStabilised: config["use_rslora"] === true,
    isFanInFanOut: config["fan_in_fan_out"] === true,
    alphaPattern: patternOf(config["alpha_pattern"], path),
    keepsTies: config["ensure_weight_tying"] === true,
  };
}

/** What a setting that is off is written as. */
function isSet(value: unknown): boolean {
  if (value === undefined || value === null || value === false) return false;
  return !(Array.isArray(value) && value.length === 0);
}

function patternOf(value: unknown, path: string): ReadonlyMap<string, number> {
  const pattern = new Map<string, number>();
  if (!isRecord(value)) return pattern;
  for (const [key, alpha] of Object.entries(value)) {
    if (typeof alpha !== "number" || !PLAIN_PATTERN.test(key))
      throw unsupported(path, `alpha_pattern ${JSON.stringify(key)}, which is more than a name`);
    pattern.set(key, alpha);
  }
  return pattern;
}

/** Names of modules or their ends; PEFT takes them as regular expressions, of which a dot is the only sign here. */
const PLAIN_PATTERN = /^\^?[\w.-]+$/;

/** The alpha of a module: that of the first key that is its path, or ends it behind a dot (peft, `get_pattern_key`). */
export function alphaOf({ alpha, alphaPattern }: AdapterConfig, module: string): number {
  for (const [key, value] of alphaPattern) {
    const isWhole = key.startsWith("^");
    const name = isWhole ? key.slice(1) : key;
    const end = module.slice(-name.length);
    const fits =
      end.length === name.length &&
      name.split("").every((sign, at) => sign === "." || sign === end.charAt(at));
    const before = module.length - name.length;
    if (fits && (before === 0 || (!isWhole && module.charAt(before - 1) === "."))) return value;
  }
  return alpha;
}

function parsed(text: string, path: string): Readonly<Record<string, unknown>> {
  const value = recordIn(text);
  if (value === undefined) throw damaged(path, "expected a JSON object");
  return value;
}

function damaged(path: string, what: string): WbError {
  return new WbError("WB3710", `${path}: ${what}`, { details: { path } });
}

function unsupported(path: string, what: string): WbError {
  return new WbError("WB4705", `${path}: an adapter with ${what}`, { details: { path } });
}
