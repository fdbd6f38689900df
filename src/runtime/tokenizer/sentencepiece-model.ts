import { WbError } from "../../errors/wb-error.ts";
import { protobufFields, type ProtobufField } from "./protobuf.ts";

/** Types of a piece: google/sentencepiece v0.2.0, src/sentencepiece_model.proto, `ModelProto.SentencePiece.Type`. */
export type PieceType = "normal" | "unknown" | "control" | "user-defined" | "unused" | "byte";

export interface Piece {
  readonly text: string;
  readonly type: PieceType;
  /** Log probability, or minus the rank of a merge. */
  readonly score: number;
}

/** What weighbridge needs to know of a SentencePiece file beside what the library itself does with it. */
export interface SentencePieceModel {
  readonly pieces: readonly Piece[];
  readonly algorithm: "unigram" | "bpe";
  readonly idOfPiece: ReadonlyMap<string, number>;
  readonly unkId: number;
  /** Text that decoding puts for the unknown piece. */
  readonly unkSurface: string;
  readonly addDummyPrefix: boolean;
  readonly removeExtraWhitespaces: boolean;
  /** Whether characters are replaced by others, or spaces are no characters of pieces in front of a word. */
  readonly changesTexts: boolean;
}

const PIECE_TYPES: readonly (PieceType | undefined)[] = [
  undefined,
  "normal",
  "unknown",
  "control",
  "user-defined",
  "unused",
  "byte",
];

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Parses tokenizer.model. The wasm build of SentencePiece has no piece look-up and ignores a load error, so the file
 * is checked here before the library sees it.
 * @throws WbError WB3802 when it is no ModelProto; WB4801 for word and character models.
 */
export function parseSentencePieceModel(bytes: Uint8Array, path: string): SentencePieceModel {
  const fields = protobufFields(bytes);
  if (fields === undefined) throw damaged(path, "it is not a protocol buffer message");
  const pieces = fields
    .filter((field) => field.number === 1)
    .map((field, id) => parsePiece(field, id, path));
  if (pieces.length === 0) throw damaged(path, "it has no pieces");
  const idOfPiece = new Map<string, number>();
  for (const [id, { text }] of pieces.entries()) {
    if (idOfPiece.has(text)) throw damaged(path, `piece ${JSON.stringify(text)} occurs twice`);
    idOfPiece.set(text, id);
  }
  const unkId = pieces.findIndex(({ type }) => type === "unknown");
  if (unkId < 0) throw damaged(path, "it has no piece for unknown text");
  const trainer = subMessage(fields, 2, path);
  const modelType = number(trainer, 3, 1);
  if (modelType !== 1 && modelType !== 2) {
    throw new WbError(
      "WB4801",
      `${path}: expected a unigram or BPE model, found model_type ${modelType}`,
      { details: { path } },
    );
  }
  const normalizer = subMessage(fields, 3, path);
  return {
    pieces,
    algorithm: modelType === 1 ? "unigram" : "bpe",
    idOfPiece,
    unkId,
    unkSurface: textField(trainer, 44, path) ?? " \u2047 ",
    addDummyPrefix: number(normalizer, 3, 1) !== 0,
    removeExtraWhitespaces: number(normalizer, 4, 1) !== 0,
    changesTexts:
      normalizer.some((field) => field.number === 2 && (field.bytes?.length ?? 0) > 0) ||
      number(normalizer, 5, 1) === 0 ||
      number(trainer, 24, 0) !== 0,
  };
}

function parsePiece(field: ProtobufField, id: number, path: string): Piece {
  const fields = field.bytes === undefined ? undefined : protobufFields(field.bytes);
  const content = fields === undefined ? undefined : textField(fields, 1, path);
  const type = fields === undefined ? undefined : PIECE_TYPES[number(fields, 3, 1)];
  if (content === undefined || type === undefined) throw damaged(path, `piece ${id} is malformed`);
  return { text: content, type, score: number(fields ?? [], 2, 0) };
}

function subMessage(
  fields: readonly ProtobufField[],
  wanted: number,
  path: string,
): readonly ProtobufField[] {
  const bytes = fields.findLast((field) => field.number === wanted)?.bytes;
  if (bytes === undefined) return [];
  const parsed = protobufFields(bytes);
  if (parsed === undefined) throw damaged(path, `its field ${wanted} is malformed`);
  return parsed;
}

function number(fields: readonly ProtobufField[], wanted: number, fallback: number): number {
  return fields.findLast((field) => field.number === wanted)?.value ?? fallback;
}

function textField(
  fields: readonly ProtobufField[],
  wanted: number,
  path: string,
): string | undefined {
  const bytes = fields.findLast((field) => field.number === wanted)?.bytes;
  if (bytes === undefined) return undefined;
  try {
    return utf8.decode(bytes);
  } catch (error) {
    throw damaged(path, "a text in it is not UTF-8", error);
  }
}

function damaged(path: string, what: string, cause?: unknown): WbError {
  return new WbError("WB3802", `${path}: expected a SentencePiece model, but ${what}`, {
    details: { path },
    cause,
  });
}
