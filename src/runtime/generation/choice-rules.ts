/** What is known of an answer before its first token. */
export interface AnswerFacts {
  readonly promptTokens: number;
  readonly maxNewTokens: number;
  /** Ids that end the answer. */
  readonly endIds: readonly number[];
}

/** Ids in a row, and what is added to the logit of the last one where the others came just before it. */
export interface SequenceBias {
  readonly ids: readonly number[];
  readonly bias: number;
}

/** Which ids may be chosen when; each field is transformers' of the same name (GenerationConfig, v5.23.0). */
export interface ChoiceRules {
  /** `sequence_bias` */
  readonly sequenceBias?: readonly SequenceBias[];
  /** `no_repeat_ngram_size`: so many ids in a row occur once. */
  readonly noRepeatNgramSize?: number;
  /** `bad_words_ids`: ids in a row that never occur; an id that ends the answer is not taken for one. */
  readonly badWords?: readonly (readonly number[])[];
  /** `min_length`: tokens of prompt and answer before it may end. */
  readonly minLength?: number;
  /** `min_new_tokens`: tokens of the answer before it may end. */
  readonly minNewTokens?: number;
  /** `forced_bos_token_id`: the second token of all. */
  readonly forcedBos?: number;
  /** `forced_eos_token_id`: the last token that there is room for. */
  readonly forcedEos?: readonly number[];
  /** `remove_invalid_values` */
  readonly removesInvalid?: boolean;
  /** `exponential_decay_length_penalty`: from a count of new tokens on, the end's logit grows by this factor a token. */
  readonly decay?: { readonly start: number; readonly factor: number };
  /** `suppress_tokens` */
  readonly suppressed?: readonly number[];
  /** `begin_suppress_tokens`: for the first token of the answer. */
  readonly suppressedAtBegin?: readonly number[];
}

/** Changes logits [vocab] before the id after `ids`, prompt and answer so far, is chosen. */
export type LogitsRule = (logits: Float32Array, ids: readonly number[]) => void;

/** The rules that come before the repetition penalty, and those after it, in transformers' order. */
export interface OrderedRules {
  readonly before: readonly LogitsRule[];
  readonly after: readonly LogitsRule[];
}

/** Rules as functions (transformers v5.23.0, generation/utils.py, `_get_logits_processor`, and logits_process.py). */
export function logitsRules(rules: ChoiceRules, facts: AnswerFacts): OrderedRules {
  const { promptTokens, endIds } = facts;
  const { sequenceBias = [], noRepeatNgramSize = 0, forcedBos, forcedEos, decay } = rules;
  const after: LogitsRule[] = [];
  if (noRepeatNgramSize > 0)
    after.push((logits, ids) => forbidRepeats(logits, ids, noRepeatNgramSize));
  const badWords = (rules.badWords ?? [])
    .filter((word) => !(word.length === 1 && endIds.includes(word[0] ?? -1)))
    .map((ids) => ({ ids, bias: Number.NEGATIVE_INFINITY }));
  if (badWords.length > 0) after.push((logits, ids) => addBiases(logits, ids, badWords));
  const fewest = Math.max(rules.minLength ?? 0, promptTokens + (rules.minNewTokens ?? 0));
  if (fewest > promptTokens)
    after.push((logits, ids) => {
      if (ids.length < fewest) forbid(logits, endIds);
    });
  if (forcedBos !== undefined)
    after.push((logits, ids) => {
      if (ids.length === 1) force(logits, [forcedBos]);
    });
  if (forcedEos !== undefined)
    after.push((logits, ids) => {
      if (ids.length === promptTokens + facts.maxNewTokens - 1) force(logits, forcedEos);
    });
  if (rules.removesInvalid === true) after.push((logits) => removeInvalid(logits));
  if (decay !== undefined)
    after.push((logits, ids) =>
      favourEnd(logits, endIds, ids.length - promptTokens - decay.start, decay.factor),
    );
  const { suppressed = [], suppressedAtBegin = [] } = rules;
  if (suppressed.length > 0) after.push((logits) => forbid(logits, suppressed));
  // Behind a lone first token that is forced, the answer begins one later.
  const begin = promptTokens > 1 || forcedBos === undefined ? promptTokens : promptTokens + 1;
  if (suppressedAtBegin.length > 0)
    after.push((logits, ids) => {
      if (ids.length === begin) forbid(logits, suppressedAtBegin);
    });
  const before =
    sequenceBias.length === 0
      ? []
      : [
          (logits: Float32Array, ids: readonly number[]): void =>
            addBiases(logits, ids, sequenceBias),
        ];
  return { before, after };
}

function forbid(logits: Float32Array, ids: readonly number[]): void {
  for (const id of ids) if (id >= 0 && id < logits.length) logits[id] = Number.NEGATIVE_INFINITY;
}

function force(logits: Float32Array, ids: readonly number[]): void {
  logits.fill(Number.NEGATIVE_INFINITY);
  for (const id of ids) if (id >= 0 && id < logits.length) logits[id] = 0;
}

/** `NoRepeatNGramLogitsProcessor`. */
function forbidRepeats(logits: Float32Array, ids: readonly number[], size: number): void {
  const last = ids.length - size + 1;
  const begun = ids.slice(last);
  if (last < 0) return;
  for (let start = 0; start + size <= ids.length; start++) {
    if (begun.every((id, index) => ids[start + index] === id))
      forbid(logits, [ids[start + size - 1] ?? -1]);
  }
}

/** `SequenceBiasLogitsProcessor`: all that apply are summed, then added once, in float32. */
function addBiases(
  logits: Float32Array,
  ids: readonly number[],
  biases: readonly SequenceBias[],
): void {
  const sums = new Map<number, number>();
  for (const { ids: sequence, bias } of biases) {
    const id = sequence.at(-1);
    const begin = ids.length - sequence.length + 1;
    const applies =
      begin >= 0 &&
      sequence.every(
        (wanted, index) => index === sequence.length - 1 || ids[begin + index] === wanted,
      );
    if (id === undefined || !applies) continue;
    sums.set(id, Math.fround((sums.get(id) ?? 0) + Math.fround(bias)));
  }
  for (const [id, sum] of sums) {
    const logit = logits[id];
    if (logit !== undefined) logits[id] = logit + sum;
  }
}

const LARGEST = (2 - 2 ** -23) * 2 ** 127;

/** `InfNanRemoveLogitsProcessor`. */
function removeInvalid(logits: Float32Array): void {
  for (const [id, logit] of logits.entries()) {
    if (Number.isNaN(logit)) logits[id] = 0;
    else if (!Number.isFinite(logit)) logits[id] = logit > 0 ? LARGEST : -LARGEST;
  }
}

/** `ExponentialDecayLengthPenalty`. */
function favourEnd(
  logits: Float32Array,
  endIds: readonly number[],
  since: number,
  factor: number,
): void {
  if (since <= 0) return;
  for (const id of endIds) {
    const logit = logits[id];
    if (logit === undefined || !Number.isFinite(logit)) continue;
    logits[id] = logit + Math.fround(Math.abs(logit) * Math.fround(factor ** since - 1));
  }
}
