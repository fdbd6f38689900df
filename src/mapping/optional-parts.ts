import { WbError } from "../errors/wb-error.ts";
import type { EncoderHead, ModelConfig } from "../model/config/model-config.ts";
import { ENCODER_HEADS, headClass } from "../model/encoder-heads.ts";
import { decideHead, partsOf, type HeadTraits, type StoredParts } from "../model/encoder-parts.ts";
import { familyOf } from "../model/families.ts";
import type { Family } from "../model/family.ts";
import { nameReader } from "../model/names/read.ts";
import type { Checkpoint } from "../tensor/table.ts";

/**
 * The configuration with what only the stored names tell: the head of an encoder, and parts that files have or not.
 * @throws WbError WB3714 where the tensors have another head than config.json says, or may have more than one.
 */
export function withOptionalParts(config: ModelConfig, checkpoint: Checkpoint): ModelConfig {
  const family = familyOf(config.family);
  const { heads } = family;
  if (heads === undefined || config.encoder === undefined) return config;
  refuseSecondBias(config, checkpoint);
  const stored = storedParts(family, checkpoint);
  const decision = decideHead(config, stored, heads);
  if (decision.kind === "contradiction")
    throw contradiction(checkpoint.path, config, decision.said, decision.found);
  if (decision.kind === "open") throw undecided(checkpoint.path, decision.heads, heads);
  const parts = partsOf(decision.head, stored, config, heads);
  return { ...config, encoder: { ...config.encoder, ...parts } };
}

/** A bias of masked tokens' logits, and the one that transformers 5 puts in its place where the head is not the embeddings. */
const HEAD_BIASES = [
  ["cls.predictions.bias", "cls.predictions.decoder.bias"],
  ["lm_head.bias", "lm_head.decoder.bias"],
] as const;

/**
 * Older versions have both in one storage; where they are two, the second is added and the first has no effect (transformers v5.23.0,
 * models/bert/modeling_bert.py, `BertLMPredictionHead`), which no writer of Paddle has a place for.
 */
function refuseSecondBias({ tieWordEmbeddings }: ModelConfig, { path, tensors }: Checkpoint): void {
  if (tieWordEmbeddings) return;
  for (const [first, second] of HEAD_BIASES) {
    const [one, other] = [first, second].map((name) => tensors.find((t) => t.name === name));
    if (one === undefined || other === undefined) continue;
    if (one.storage === other.storage && one.byteOffset === other.byteOffset) continue;
    throw new WbError(
      "WB4702",
      `${path}: ${second} beside ${first}: the head is not the embeddings (tie_word_embeddings false) and has a bias of its own, which is not supported`,
      { details: { path, field: "tie_word_embeddings" } },
    );
  }
}

function storedParts(family: Family, { tensors }: Checkpoint): StoredParts {
  const reader = nameReader(family);
  const patterns = new Set<string>();
  const lengths = new Map<string, number | undefined>();
  for (const { name, shape } of tensors) {
    const { pattern } = reader.parse(name);
    patterns.add(pattern);
    const reading = reader.reading(pattern);
    if (reading?.kind !== "make") continue;
    for (const parameter of reading.statements.flatMap(({ canonical }) => canonical))
      lengths.set(parameter.name, shape.length === 1 ? shape[0] : undefined);
  }
  return {
    has: (name) => lengths.has(name),
    length: (name) => lengths.get(name),
    isStored: (name) => patterns.has(name),
  };
}

function contradiction(
  path: string,
  { architecture }: ModelConfig,
  said: EncoderHead,
  found: string,
): WbError {
  const expected =
    said === "none" ? "a model without a head" : `a head for ${ENCODER_HEADS[said].gives}`;
  return new WbError(
    "WB3714",
    `${path}: config.json says ${architecture}, ${expected}, and the tensors are those of ${found}`,
    {
      details: { path, expected: architecture, found },
      hint: `Set "architectures": ["${found.split(" or ")[0] ?? found}"] in config.json if the tensors are right.`,
    },
  );
}

function undecided(path: string, heads: readonly EncoderHead[], traits: HeadTraits): WbError {
  const classes = heads.map((head) => headClass(traits.classes, head)).join(", ");
  return new WbError(
    "WB3714",
    `${path}: the tensors may be those of ${classes}, and config.json does not say which in "architectures"`,
    { details: { path, found: classes } },
  );
}
