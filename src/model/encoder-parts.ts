import type { RawConfig } from "./config/fields.ts";
import type { EncoderConfig, EncoderHead, ModelConfig } from "./config/model-config.ts";
import { headClass, headOfClass } from "./encoder-heads.ts";
import {
  CLASSIFIER,
  CLASSIFIER_DENSE,
  HEAD_BIAS,
  HEAD_DENSE,
  HEAD_NORM,
  NEXT_SENTENCE,
  POOLER,
  START,
} from "./encoder-network.ts";
import { HEAD } from "./network.ts";

/** What a file of weights has, by canonical names. */
export interface StoredParts {
  has(canonical: string): boolean;
  /** The length of a vector; undefined where there is none. */
  length(canonical: string): number | undefined;
  /** Whether there is a tensor of this name, less the family's prefix, as it is stored. */
  isStored(name: string): boolean;
}

/** The head that config.json and the tensors agree on, or why they do not. */
export type HeadDecision =
  | { readonly kind: "head"; readonly head: EncoderHead }
  | { readonly kind: "contradiction"; readonly said: EncoderHead; readonly found: string }
  | { readonly kind: "open"; readonly heads: readonly EncoderHead[] };

/** How a family tells the heads that have the same tensors apart. */
export interface HeadTraits {
  /** How its classes begin: `Bert`. */
  readonly classes: string;
  /** As in `EncoderConfig`. */
  readonly hasHeadDense: boolean;
}

const MASKED = [`${HEAD_DENSE}.weight`, `${HEAD_NORM}.weight`, HEAD_BIAS, HEAD] as const;
/** What only transformers calls so. PaddleNLP's class has `classifier` there. */
const SPANS = "qa_outputs.weight";

/** Which heads the tensors may be of; classes of a text and of tokens have the same names in BERT and ERNIE. */
export function headsIn(stored: StoredParts, traits: HeadTraits): readonly EncoderHead[] {
  const heads: EncoderHead[] = [];
  if (MASKED.some((name) => stored.has(name))) heads.push("maskedTokens");
  if (stored.isStored(SPANS)) heads.push("spans");
  else if (stored.has(`${CLASSIFIER_DENSE}.weight`)) heads.push("sequence");
  else if (stored.has(`${CLASSIFIER}.weight`)) {
    if (!traits.hasHeadDense) heads.push("sequence");
    heads.push("tokens");
    // Two rows may be the start and the end.
    if (stored.length(`${CLASSIFIER}.bias`) === 2) heads.push("spans");
  }
  if (stored.has(`${START}.weight`)) heads.push("extraction");
  if (heads.length === 0 && stored.has(`${NEXT_SENTENCE}.weight`)) heads.push("nextSentence");
  return heads.length === 0 ? ["none"] : heads;
}

/** Holds what config.json says of the head against the tensors. */
export function decideHead(
  config: ModelConfig,
  stored: StoredParts,
  traits: HeadTraits,
): HeadDecision {
  const heads = headsIn(stored, traits);
  const said = saidHead(config, traits);
  if (said === undefined) {
    const hasPooler = stored.has(`${POOLER}.weight`);
    // In BERT and ERNIE classes of a text stand on the pooler.
    const possible = heads.filter(
      (head) => head !== "sequence" || traits.hasHeadDense || hasPooler,
    );
    const [only, ...others] = possible;
    return only !== undefined && others.length === 0
      ? { kind: "head", head: only }
      : { kind: "open", heads: possible };
  }
  if (heads.includes(said)) return { kind: "head", head: said };
  const found = heads.map((head) => headClass(traits.classes, head)).join(" or ");
  return { kind: "contradiction", said, found };
}

/** The head of the class that config.json names; undefined where it names none that the family has. */
export function saidHead(
  { raw }: { readonly raw: RawConfig },
  { classes }: HeadTraits,
): EncoderHead | undefined {
  const list: unknown = raw["architectures"];
  const first: unknown = Array.isArray(list) ? list[0] : list;
  return headOfClass(classes, typeof first === "string" ? first : undefined);
}

/** What the tensors tell of an encoder whose head is known. */
export function partsOf(
  head: EncoderHead,
  stored: StoredParts,
  { encoder }: ModelConfig,
  { hasHeadDense }: HeadTraits,
): Partial<EncoderConfig> {
  const needsPooler = head === "nextSentence" || (head === "sequence" && !hasHeadDense);
  const labels =
    head === "spans"
      ? 2
      : encoder?.saysLabels === true
        ? encoder.labels
        : (stored.length(`${CLASSIFIER}.bias`) ?? encoder?.labels);
  return {
    head,
    hasPooler: needsPooler || stored.has(`${POOLER}.weight`),
    hasNextSentence: head === "nextSentence" || stored.has(`${NEXT_SENTENCE}.weight`),
    ...(labels === undefined ? {} : { labels }),
  };
}
