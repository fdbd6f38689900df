import { NORMAL, UNKNOWN, type GgufTokenizer } from "./facts.ts";

/** Field numbers of google/sentencepiece v0.2.0, src/sentencepiece_model.proto. */
const PIECES = 1;
const TRAINER = 2;
const NORMALIZER = 3;
const [VARINT, FIXED32, BYTES] = [0, 5, 2] as const;
const BPE = 2;
/** The id of a token that there is not. */
const NONE = -1;

/**
 * tokenizer.model of a "llama" tokenizer: SentencePiece's BPE with a piece for each byte. Types of pieces have the same numbers in
 * both; the unknown token is that of `tokenizer.ggml.unknown_token_id`, whatever type the file gives it.
 */
export function sentencePieceFile(facts: GgufTokenizer): Uint8Array {
  const { tokens, types, scores, ids } = facts;
  const unknown = ids.unk ?? types.indexOf(UNKNOWN);
  const pieces = tokens.map((text, id) => {
    const found = types[id] ?? NORMAL;
    const type = id === unknown ? UNKNOWN : found === UNKNOWN ? NORMAL : found;
    return field(
      PIECES,
      Buffer.concat([
        field(1, Buffer.from(text)),
        float(2, scores[id] ?? 0),
        ...(type === NORMAL ? [] : [number(3, type)]),
      ]),
    );
  });
  const textOf = (id: number | undefined, fallback: string): Buffer =>
    Buffer.from((id === undefined ? undefined : tokens[id]) ?? fallback);
  const trainer = [
    number(3, BPE),
    number(4, tokens.length),
    number(35, 1), // byte_fallback
    number(40, unknown),
    number(41, ids.bos ?? NONE),
    number(42, ids.eos ?? NONE),
    number(43, ids.pad ?? NONE),
    field(45, textOf(unknown, "<unk>")),
    field(46, textOf(ids.bos, "<s>")),
    field(47, textOf(ids.eos, "</s>")),
    field(48, textOf(ids.pad, "<pad>")),
  ];
  const normalizer = [
    field(1, Buffer.from("identity")),
    number(3, (facts.addSpacePrefix ?? true) ? 1 : 0),
    number(4, facts.removeExtraSpaces ? 1 : 0),
    number(5, 1), // escape_whitespaces
  ];
  return Buffer.concat([
    ...pieces,
    field(TRAINER, Buffer.concat(trainer)),
    field(NORMALIZER, Buffer.concat(normalizer)),
  ]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  while (rest >= 128n) {
    bytes.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  return Buffer.from([...bytes, Number(rest)]);
}

function tag(at: number, wire: number): Buffer {
  return varint(at * 8 + wire);
}

function number(at: number, value: number): Buffer {
  return Buffer.concat([tag(at, VARINT), varint(value)]);
}

function float(at: number, value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return Buffer.concat([tag(at, FIXED32), bytes]);
}

function field(at: number, bytes: Uint8Array): Buffer {
  return Buffer.concat([tag(at, BYTES), varint(bytes.byteLength), bytes]);
}
