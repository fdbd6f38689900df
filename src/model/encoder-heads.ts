import type { EncoderHead, ModelConfig, NetworkConfig } from "./config/model-config.ts";

/** What a head gives: a row for each token of a text, or one for the text, which stands at its first token. */
interface HeadFacts {
  /** What its class is called behind the family's name, the usual one first; the whole name of a class that begins with none. */
  readonly classes: readonly [string, ...string[]];
  readonly rowsFor: "tokens" | "text";
  /** Numbers of a row. */
  readonly width: (config: NetworkConfig) => number;
  /** What a row is, in messages. */
  readonly gives: string;
}

const labels = ({ encoder }: NetworkConfig): number => encoder?.labels ?? 0;

/** The heads that stand on encoders (transformers v5.23.0, models/bert/modeling_bert.py; PaddleNLP 3.0.0b4, transformers/ernie/modeling.py, `UIE`). */
export const ENCODER_HEADS: Readonly<Record<EncoderHead, HeadFacts>> = {
  maskedTokens: {
    classes: ["ForMaskedLM", "ForPreTraining", "ForPretraining"],
    rowsFor: "tokens",
    width: ({ vocabSize }) => vocabSize,
    gives: "logits of masked tokens",
  },
  none: {
    classes: ["Model"],
    rowsFor: "tokens",
    width: ({ hiddenSize }) => hiddenSize,
    gives: "the last hidden states, as it has no head",
  },
  sequence: {
    classes: ["ForSequenceClassification"],
    rowsFor: "text",
    width: labels,
    gives: "logits of the text's classes",
  },
  tokens: {
    classes: ["ForTokenClassification"],
    rowsFor: "tokens",
    width: labels,
    gives: "logits of each token's classes",
  },
  spans: {
    classes: ["ForQuestionAnswering"],
    rowsFor: "tokens",
    width: () => 2,
    gives: "logits that an answer starts and ends at a token",
  },
  nextSentence: {
    classes: ["ForNextSentencePrediction"],
    rowsFor: "text",
    width: () => 2,
    gives: "logits that the second sentence follows the first, and that it does not",
  },
  extraction: {
    classes: ["UIE"],
    rowsFor: "tokens",
    width: () => 2,
    gives: "logits that what is asked for starts and ends at a token",
  },
};

export const HEAD_KINDS: readonly EncoderHead[] = [
  "maskedTokens",
  "none",
  "sequence",
  "tokens",
  "spans",
  "nextSentence",
  "extraction",
];

/** Classes that begin with no family's name. */
const WHOLE_NAMES: ReadonlySet<string> = new Set(["UIE"]);

/** What a family calls the class of a head, the usual one of transformers. @param family As its classes begin: `Bert`. */
export function headClass(family: string, head: EncoderHead): string {
  return withFamily(family, ENCODER_HEADS[head].classes[0]);
}

/** All classes of a family that have one of these heads, the usual ones first. */
export function headClasses(
  family: string,
  heads: readonly EncoderHead[],
): readonly [string, ...string[]] {
  const usual = headClass(family, heads[0] ?? "none");
  const all = heads.flatMap((head) =>
    ENCODER_HEADS[head].classes.map((name) => withFamily(family, name)),
  );
  return [usual, ...all.filter((name) => name !== usual)];
}

/** The head that a class of a family has; undefined for a class that is not one of them. */
export function headOfClass(family: string, name: string | undefined): EncoderHead | undefined {
  return HEAD_KINDS.find((head) =>
    ENCODER_HEADS[head].classes.some((suffix) => withFamily(family, suffix) === name),
  );
}

function withFamily(family: string, suffix: string): string {
  return WHOLE_NAMES.has(suffix) ? suffix : family + suffix;
}

/** How many numbers a model gives for a row of its outputs: logits of its vocabulary, or what an encoder's head gives. */
export function outputWidth(config: NetworkConfig): number {
  const { encoder, vocabSize } = config;
  return encoder === undefined ? vocabSize : ENCODER_HEADS[encoder.head].width(config);
}

/** True where a text has one row of outputs, which stands at its first token. */
export function hasOneRow({ encoder }: NetworkConfig): boolean {
  return encoder !== undefined && ENCODER_HEADS[encoder.head].rowsFor === "text";
}

/** True where outputs are logits of the vocabulary's tokens. */
export function givesTokens({ encoder }: NetworkConfig): boolean {
  return encoder === undefined || encoder.head === "maskedTokens";
}

/** What a row of outputs is, in words. */
export function headGives({ encoder }: NetworkConfig): string {
  return encoder === undefined ? "logits of the next token" : ENCODER_HEADS[encoder.head].gives;
}

/** Where a text of so many tokens has outputs. */
export function outputPositions(config: NetworkConfig, tokens: number): readonly number[] {
  return Array.from({ length: hasOneRow(config) ? Math.min(1, tokens) : tokens }, (_, at) => at);
}

/** What config.json calls the numbers of a row; undefined where it says nothing. */
export function labelNames({ encoder, raw }: ModelConfig): readonly string[] | undefined {
  if (encoder === undefined) return undefined;
  if (encoder.head === "spans" || encoder.head === "extraction") return ["start", "end"];
  if (encoder.head === "nextSentence") return ["follows", "does not follow"];
  if (encoder.head !== "sequence" && encoder.head !== "tokens") return undefined;
  const named: unknown = raw["id2label"];
  return Array.from({ length: encoder.labels }, (_, index) => {
    const found: unknown =
      typeof named === "object" && named !== null
        ? Object.getOwnPropertyDescriptor(named, String(index))?.value
        : undefined;
    return typeof found === "string" ? found : `LABEL_${index}`;
  });
}
