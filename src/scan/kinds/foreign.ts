import type { ByteSource } from "../../tensor/byte-source.ts";
import { harmless, notUnderstood, type Judgement } from "../judgement.ts";

interface Foreign {
  readonly magic: readonly number[] | string;
  /** Byte of the magic, 0 where nothing is said. */
  readonly at?: number;
  readonly judgement: Judgement;
}

const program = (what: string): Judgement => notUnderstood(`${what}: a program`);
const stream = (what: string): Judgement =>
  notUnderstood(`compressed by ${what}, which scan does not read`);
const picture = (what: string): Judgement =>
  harmless(`a picture (${what}), which no loader of models opens`);

/** Files of other kinds by their first bytes. */
const FOREIGN: readonly Foreign[] = [
  { magic: [0x7f, 0x45, 0x4c, 0x46], judgement: program("an ELF binary") },
  { magic: "MZ", judgement: program("a Windows binary") },
  { magic: [0xcf, 0xfa, 0xed, 0xfe], judgement: program("a macOS binary") },
  { magic: [0xca, 0xfe, 0xba, 0xbe], judgement: program("a Java class or macOS binary") },
  { magic: "\0asm", judgement: program("WebAssembly") },
  { magic: "#!", judgement: program("a script") },
  { magic: "Rar!", judgement: stream("RAR") },
  { magic: "LZIP", judgement: stream("lzip") },
  { magic: [0x89, 0x4c, 0x5a, 0x4f], judgement: stream("lzop") },
  { magic: [0x1f, 0x9d], judgement: stream("compress") },
  { magic: [0x02, 0x21, 0x4c, 0x18], judgement: stream("lz4 of before its frames") },
  { magic: "TFL3", at: 4, judgement: notUnderstood("a graph of TensorFlow Lite") },
  { magic: "lmgg", judgement: notUnderstood("GGML, which GGUF has replaced") },
  { magic: "PAR1", judgement: notUnderstood("a table of Parquet") },
  { magic: "ARROW1", judgement: notUnderstood("a table of Arrow") },
  { magic: "SQLite format 3", judgement: notUnderstood("a database of SQLite") },
  { magic: "\u0089PNG\r\n\u001a\n", judgement: picture("PNG") },
  { magic: [0xff, 0xd8, 0xff], judgement: picture("JPEG") },
  { magic: "GIF8", judgement: picture("GIF") },
  { magic: "WEBP", at: 8, judgement: picture("WebP") },
  { magic: "%PDF-", judgement: harmless("a PDF, which no loader of models opens") },
];

/** Bytes that tell every kind of the table. */
const HEAD_BYTES = 32;

/** Names that tell a graph of operators, whose bytes have no mark. */
const GRAPHS: readonly (readonly [pattern: RegExp, what: string])[] = [
  [/\.onnx$/i, "a graph of ONNX"],
  [/\.pdmodel$/i, "a program of Paddle"],
  [/\.pb$/i, "a graph of TensorFlow"],
  [/\.mlmodel$/i, "a model of Core ML"],
  [/\.(engine|plan|trt)$/i, "a program of TensorRT"],
  [/\.msgpack$/i, "msgpack, as Flax writes it"],
  [/\.(data-\d+-of-\d+|index)$/i, "a checkpoint of TensorFlow"],
];

/** What a file of no format of ours is, where its first bytes or its name tell. */
export async function foreignKind(
  source: ByteSource,
  name: string,
): Promise<Judgement | undefined> {
  const head = Buffer.from(await source.read(0, Math.min(HEAD_BYTES, source.byteLength)));
  const found = FOREIGN.find(({ magic, at = 0 }) => {
    const bytes = typeof magic === "string" ? Buffer.from(magic, "latin1") : Buffer.from(magic);
    return head.subarray(at, at + bytes.byteLength).equals(bytes);
  });
  if (found !== undefined) return found.judgement;
  const graph = GRAPHS.find(([pattern]) => pattern.test(name));
  return graph === undefined
    ? undefined
    : notUnderstood(`${graph[1]}, by its name, which scan does not read`);
}
