import type { Tokenizer } from "../runtime/tokenizer/tokenizer.ts";
import { topLogits } from "../runtime/top-logits.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** JSON has no infinity: the logarithm of a probability of 0, as OpenAI writes it. */
const LOG_OF_ZERO = -9999;

export interface TokenLogprob {
  readonly id: number;
  /** Natural logarithm of the model's own probability, before temperature and penalties. */
  readonly logprob: number;
}

/** A token that was chosen, and the likeliest ones in its place. */
export interface TokenChoice extends TokenLogprob {
  readonly top: readonly TokenLogprob[];
}

/** log p(id) = logit − log Σ exp(logits), of logits [vocab], and the same of the `top` likeliest. */
export function logprobsOf(
  logits: Float32Array,
  top: number,
): { readonly of: (id: number) => number; readonly top: readonly TokenLogprob[] } {
  let largest = Number.NEGATIVE_INFINITY;
  for (const logit of logits) if (logit > largest) largest = logit;
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - largest);
  const normalizer = largest + Math.log(sum);
  const of = (id: number): number => {
    const logprob = (logits[id] ?? Number.NEGATIVE_INFINITY) - normalizer;
    return Number.isFinite(logprob) ? logprob : LOG_OF_ZERO;
  };
  const ids = top === 0 ? [] : topLogits(logits, top).ids;
  return { of, top: ids.map((id) => ({ id, logprob: of(id) })) };
}

/** A token as it is shown alone: a space where its piece has one, and "bytes:\xe4" for part of a character. */
export interface TokenText {
  readonly token: string;
  readonly bytes: readonly number[];
}

export function tokenText(tokenizer: Tokenizer, id: number): TokenText {
  // A model's vocabulary may be larger than its tokenizer's.
  if (id >= tokenizer.size) return { token: `<id:${id}>`, bytes: [] };
  const bytes = tokenizer.bytesOf(id);
  try {
    return { token: utf8.decode(bytes), bytes: [...bytes] };
  } catch {
    const shown = [...bytes].map((byte) => String.raw`\x${byte.toString(16).padStart(2, "0")}`);
    return { token: `bytes:${shown.join("")}`, bytes: [...bytes] };
  }
}
