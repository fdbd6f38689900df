/** Why a setting of another way to search for answers is not used, and the values that leave it off. */
const OTHERS: Readonly<Record<string, readonly [why: string, ...idle: readonly unknown[]]>> = {
  num_beams: ["one answer is followed, not the best of several", 1],
  num_beam_groups: ["one answer is followed", 1],
  penalty_alpha: ["contrastive search is not supported", 0],
  dola_layers: ["layers are not contrasted"],
  guidance_scale: ["there is no second prompt", 1],
  watermarking_config: ["answers have no watermark"],
  token_healing: ["prompts stay as they are", false],
  constraints: ["beams are not searched"],
  force_words_ids: ["beams are not searched"],
  encoder_repetition_penalty: ["decoders have no encoder", 1],
  encoder_no_repeat_ngram_size: ["decoders have no encoder", 0],
  num_return_sequences: ["one answer a prompt", 1],
  max_time: ["answers have no time limit of their own"],
};

/** Settings that change how answers are computed or told, and not which. */
const WITHOUT_EFFECT: ReadonlySet<string> = new Set([
  "_from_model_config",
  "_commit_hash",
  "assistant_confidence_threshold",
  "assistant_early_exit",
  "assistant_ensemble_weight",
  "assistant_lookbehind",
  "bos_token_id",
  "cache_config",
  "cache_implementation",
  "compile_config",
  "continuous_batching_config",
  "decoder_start_token_id",
  "disable_compile",
  "diversity_penalty",
  "early_stopping",
  "is_assistant",
  "length_penalty",
  "low_memory",
  "max_cache_len",
  "max_matching_ngram_size",
  "num_assistant_tokens",
  "num_assistant_tokens_schedule",
  "output_attentions",
  "output_hidden_states",
  "output_logits",
  "output_scores",
  "pad_token_id",
  "prefill_chunk_size",
  "prompt_lookup_num_tokens",
  "renormalize_logits",
  "return_dict_in_generate",
  "speculation_type",
  "target_lookbehind",
  "transformers_version",
  "use_cache",
  "use_mtp",
]);

/** What is not used of the settings that nothing asked for, each with its reason. */
export function neglected(rest: Readonly<Record<string, unknown>>): readonly string[] {
  return Object.entries(rest).flatMap(([name, value]) => {
    if (WITHOUT_EFFECT.has(name)) return [];
    const known = Object.hasOwn(OTHERS, name) ? OTHERS[name] : undefined;
    if (known === undefined) return [`${shown(name)}, which is not known here`];
    const [why, ...idle] = known;
    return idle.includes(value) ? [] : [`${name} ${shown(value)}, since ${why}`];
  });
}

/** A value on one line. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
