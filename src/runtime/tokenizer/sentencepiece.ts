import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SentencePieceProcessor } from "@agnai/sentencepiece-js";
import { writing } from "../../errors/write-refused.ts";
import { byteOfPiece, decodePieces } from "./decode-pieces.ts";
import { parseSentencePieceModel, type SentencePieceModel } from "./sentencepiece-model.ts";

/** Raw SentencePiece: text to ids and back as the library itself does it, without special tokens of any wrapper. */
export interface SentencePiece {
  readonly model: SentencePieceModel;
  /** Ids of the text; lone surrogates count as U+FFFD, as in SentencePiece. */
  encode(text: string): number[];
  /** As `encode`, for text that goes on behind other text: no dummy prefix is put in front. */
  encodeBare(text: string): number[];
  decode(ids: readonly number[]): string;
}

/**
 * Real SentencePiece (in wasm) on the model's own bytes.
 * @param path What messages call it.
 * @throws WbError WB3802 or WB4801; as `writeRefused` where the system's temporary folder takes no file.
 */
export async function openSentencePiece(bytes: Uint8Array, path: string): Promise<SentencePiece> {
  const model = parseSentencePieceModel(bytes, path);
  const encode = await openProcessor(bytes, model);
  return {
    model,
    encode,
    encodeBare: model.addDummyPrefix
      ? await openProcessor(Buffer.concat([bytes, NO_DUMMY_PREFIX]), model)
      : encode,
    decode: (ids) => decodePieces(ids, model),
  };
}

/** A second normalizer_spec (field 3) with add_dummy_prefix (its field 3) false: messages that come twice are merged. */
const NO_DUMMY_PREFIX = Uint8Array.of(0x1a, 0x02, 0x18, 0x00);

/** The library loads files only, so that the model is in one for a moment. */
async function openProcessor(
  bytes: Uint8Array,
  model: SentencePieceModel,
): Promise<(text: string) => number[]> {
  const prefix = join(tmpdir(), "weighbridge-tokenizer-");
  const folder = await writing(prefix, () => mkdtemp(prefix));
  try {
    const path = join(folder, "tokenizer.model");
    await writing(path, () => writeFile(path, bytes));
    const processor = new SentencePieceProcessor();
    await processor.load(path);
    return (text) =>
      encodeAroundNul(text.toWellFormed(), model, (part) => processor.encodeIds(part));
  } finally {
    await rm(folder, { recursive: true });
  }
}

/**
 * The wasm library is SentencePiece 0.1.99, which encodes NUL by a piece of its own where the file has one (354 in
 * InternLM's). Since 0.2.0 such pieces are unused and NUL is a byte piece; we follow that, as does today's Python.
 */
function encodeAroundNul(
  text: string,
  model: SentencePieceModel,
  encode: (part: string) => number[],
): number[] {
  const nulByte = model.idOfPiece.get("<0x00>");
  if (!text.includes("\0") || !model.idOfPiece.has("\0") || nulByte === undefined)
    return encode(text);
  if (byteOfPiece(model.pieces[nulByte]) !== 0) return encode(text);
  const ids: number[] = [];
  for (const [index, part] of text.split("\0").entries()) {
    if (index > 0) ids.push(nulByte);
    for (const id of part === "" ? [] : encode(part)) ids.push(id);
  }
  return ids;
}
