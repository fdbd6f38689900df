/** What the configuration of an extracted adapter says. */
export interface AdapterFacts {
  readonly rank: number;
  /** Paths of the modules that have factors. */
  readonly modules: readonly string[];
  /** Paths of all modules of the model that have tensors. */
  readonly allModules: readonly string[];
  /** Paths of the modules that are saved whole. */
  readonly savedModules: readonly string[];
  /** Whether biases of modules with factors are saved. */
  readonly hasBiases: boolean;
  readonly isFanInFanOut: boolean;
  /** Whether embeddings that are saved whole are the head, too. */
  readonly keepsTies: boolean;
  /** Whether the model gives the next token. */
  readonly isCausal: boolean;
}

/** adapter_config.json as PEFT reads it (peft v0.21, tuners/lora/config.py). The scaling is 1: alpha is the rank. */
export function adapterConfigText(facts: AdapterFacts): string {
  const { rank, savedModules } = facts;
  const fields = {
    alpha_pattern: {},
    base_model_name_or_path: null,
    bias: facts.hasBiases ? "lora_only" : "none",
    ...(facts.keepsTies ? { ensure_weight_tying: true } : {}),
    fan_in_fan_out: facts.isFanInFanOut,
    inference_mode: true,
    init_lora_weights: true,
    lora_alpha: rank,
    lora_dropout: 0,
    modules_to_save: savedModules.length === 0 ? null : savedModules,
    peft_type: "LORA",
    r: rank,
    rank_pattern: {},
    target_modules: targets(facts),
    task_type: facts.isCausal ? "CAUSAL_LM" : null,
    use_dora: false,
    use_rslora: false,
  };
  return `${JSON.stringify(fields, undefined, 2)}\n`;
}

/** Last words of paths, where all modules that end so have factors; else whole paths. */
function targets({ modules, allModules }: AdapterFacts): readonly string[] {
  const adapted = new Set(modules);
  const isOfAll = (word: string): boolean =>
    allModules.every((path) => adapted.has(path) || !(path === word || path.endsWith(`.${word}`)));
  const chosen = modules.map((path) => {
    const word = path.slice(path.lastIndexOf(".") + 1);
    // A number is a place in a list, and says nothing by itself.
    return !/^\d+$/.test(word) && isOfAll(word) ? word : path;
  });
  return [...new Set(chosen)].sort();
}
