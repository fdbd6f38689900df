import type { ByteSource } from "../../tensor/byte-source.ts";
import { harmless, type Judgement } from "../judgement.ts";
import { protoFields, type ProtoField } from "../../formats/protobuf-fields.ts";

/** Largest tokenizer that is looked at, in bytes; the largest published ones have 5 MB. */
const MAX_MODEL_BYTES = 64 * 2 ** 20;

/** Fields of ModelProto: pieces, and the specifications of trainer, normalizer, self test and denormalizer. */
const MODEL_FIELDS: ReadonlySet<number> = new Set([1, 2, 3, 4, 5]);
const PIECES = 1;

/**
 * Judges a model of SentencePiece (sentencepiece_model.proto, v0.2.0): pieces, their scores and tables, which the library
 * reads as numbers and texts. Undefined where the file is none.
 */
export async function sentencePiece(source: ByteSource): Promise<Judgement | undefined> {
  if (source.byteLength > MAX_MODEL_BYTES) return undefined;
  const fields = protoFields(await source.read(0, source.byteLength));
  if (fields === undefined || !fields.every(isOfModel)) return undefined;
  const pieces = fields.filter(({ number }) => number === PIECES);
  if (pieces.length === 0 || !pieces.every(isPiece)) return undefined;
  return harmless(
    `a tokenizer of SentencePiece with ${pieces.length} pieces: texts and scores, no program`,
  );
}

const isOfModel = ({ number, type }: ProtoField): boolean => MODEL_FIELDS.has(number) && type === 2;

/** A text, a float, a kind. */
function isPiece({ bytes }: ProtoField): boolean {
  const fields = protoFields(bytes);
  const TYPES = [2, 5, 0];
  return (
    fields !== undefined &&
    fields.length > 0 &&
    fields.every(({ number, type }) => TYPES[number - 1] === type)
  );
}
