import { toLength, type Input } from "./input.ts";
import { LzmaDecoder, lzmaProperties, type LzmaProperties } from "./lzma.ts";
import { DecodeFault, type Output } from "./output.ts";

/** A length of all ones: the stream ends with a mark. */
const UNKNOWN_LENGTH = 2n ** 64n - 1n;

/** Decodes a raw stream of LZMA: of as many bytes as are told, or to its mark. */
export function decodeLzma(
  input: Input,
  output: Output,
  properties: LzmaProperties,
  dictionaryBytes: number,
  length: number | undefined,
): void {
  const decoder = new LzmaDecoder(output, dictionaryBytes);
  decoder.resetState(properties);
  decoder.start(input);
  const until = length === undefined ? Number.POSITIVE_INFINITY : output.length + length;
  const isMarked = decoder.decode(input, until);
  if (isMarked && length !== undefined && output.length !== until)
    throw new DecodeFault("is damaged: it ends before its length");
  // A length and a mark: writers that put both say so nowhere.
  if (!isMarked && !decoder.isFinished && !decoder.endMark(input))
    throw new DecodeFault("is damaged: it does not end where its length says");
  if (!decoder.isFinished) throw new DecodeFault("is damaged: its range coder does not end with 0");
}

/** The file format of before xz (`.lzma`, "LZMA alone"): properties, dictionary, length, and one stream. */
export function decodeLzmaAlone(input: Input, output: Output): void {
  const properties = lzmaProperties(input.byte());
  const dictionaryBytes = input.u32();
  const length = input.u64();
  const known = length === UNKNOWN_LENGTH ? undefined : toLength(length, "a length");
  decodeLzma(input, output, properties, dictionaryBytes, known);
}

/** LZMA as a zip has it (APPNOTE 6.3.10, 5.8.8): its version, the size of its properties, and they. */
export function decodeZipLzma(input: Input, output: Output, length: number | undefined): void {
  input.u16();
  const size = input.u16();
  if (size !== 5) throw new DecodeFault(`has properties of ${size} bytes, and not of 5`);
  const properties = lzmaProperties(input.byte());
  decodeLzma(input, output, properties, input.u32(), length);
}

/**
 * LZMA2: chunks of LZMA, or of plain bytes, each with its lengths.
 * Source: the .xz file format 1.2.1, section 5.3.1, and xz's own description of the chunks (`lzma2_decoder.c`).
 */
export function decodeLzma2(input: Input, output: Output, dictionaryBytes: number): void {
  const decoder = new LzmaDecoder(output, dictionaryBytes);
  let needsDictionary = true;
  let needsProperties = true;
  for (let control = input.byte(); control !== 0; control = input.byte()) {
    const resetsDictionary = control >= 0xe0 || control === 1;
    if (needsDictionary && !resetsDictionary)
      throw new DecodeFault("is damaged: its first chunk needs one before it");
    if (resetsDictionary) decoder.resetDictionary();
    needsDictionary = false;
    if (control < 0x80) {
      if (control > 2) throw new DecodeFault(`is damaged: a chunk of kind ${control}`);
      input.move(bigEndian16(input) + 1, output);
      continue;
    }
    const length = ((control & 0x1f) << 16) + bigEndian16(input) + 1;
    const end = bigEndian16(input) + 1;
    if (control >= 0xc0) {
      const properties = lzmaProperties(input.byte());
      if (properties.lc + properties.lp > 4)
        throw new DecodeFault("has properties that LZMA2 does not know");
      decoder.resetState(properties);
      needsProperties = false;
    } else if (needsProperties) throw new DecodeFault("is damaged: a chunk without properties");
    else if (control >= 0xa0) decoder.resetState();
    decodeChunk(decoder, input, output.length + length, end);
  }
}

function decodeChunk(decoder: LzmaDecoder, input: Input, until: number, byteLength: number): void {
  const { end } = input;
  if (byteLength > input.left) input.end = end;
  else input.end = input.position + byteLength;
  decoder.start(input);
  if (decoder.decode(input, until))
    throw new DecodeFault("is damaged: a chunk with a mark of the end");
  if (input.left > 0 || !decoder.isFinished)
    throw new DecodeFault("is damaged: a chunk does not end where its length says");
  input.end = end;
}

function bigEndian16(input: Input): number {
  return input.byte() * 256 + input.byte();
}
