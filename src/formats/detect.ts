import { WbError } from "../errors/wb-error.ts";
import { GGUF_MAGIC } from "./gguf/header.ts";
import { isNpzHead } from "./numpy/npz.ts";
import { isRawTensorHead } from "./paddle/raw-tensors.ts";
import { pytorchFormatOf, type PytorchFormat } from "./pytorch/read.ts";
import { isSafetensorsHead, MAX_HEADER_BYTES } from "./safetensors/read.ts";
import { LENGTH_BYTES } from "./safetensors/header.ts";
import type { FileSource } from "../sources/file.ts";

/** What a file's first bytes say it is. */
export type DetectedFormat =
  PytorchFormat | "paddle" | "paddle-binary" | "safetensors" | "gguf" | "npz" | "index";

/** Bytes that tell every format: a tar header has 512. */
const HEAD_BYTES = 512;

/** Other formats of weights, by their first bytes, so that the message can name them. */
const FOREIGN: readonly (readonly [name: string, magic: readonly number[]])[] = [
  ["GGML (llama.cpp)", [0x6c, 0x6d, 0x67, 0x67]],
  ["HDF5 (Keras)", [0x89, 0x48, 0x44, 0x46]],
  ["numpy (.npy)", [0x93, 0x4e, 0x55, 0x4d]],
  ["gzip", [0x1f, 0x8b]],
  ["7z", [0x37, 0x7a, 0xbc, 0xaf]],
  ["zstd", [0x28, 0xb5, 0x2f, 0xfd]],
  ["xz", [0xfd, 0x37, 0x7a, 0x58]],
  ["PDF", [0x25, 0x50, 0x44, 0x46]],
];

/** A map of msgpack's of few entries, or of a count in two bytes, whose first key is a short text. */
const MSGPACK_MAP = /^(?:[\x81-\x8f]|\xde[^]{2})(?:[\xa1-\xbf]|\xd9[^])[\w./-]/;

/** ONNX's own version, and then the program that wrote it, or the graph itself. */
const ONNX_VERSION = 0x08;
const AFTER_ONNX_VERSION: ReadonlySet<number | undefined> = new Set([0x12, 0x3a, 0x42]);

/** Those whose first bytes are no constant, by what they look like. */
const FOREIGN_LOOKS: readonly (readonly [
  name: string,
  look: (head: Uint8Array, text: string) => boolean,
])[] = [
  ["TensorFlow Lite (.tflite)", (_head, text) => text.startsWith("TFL3", 4)],
  ["msgpack (Flax)", (_head, text) => MSGPACK_MAP.test(text)],
  ["ONNX", (head) => head[0] === ONNX_VERSION && AFTER_ONNX_VERSION.has(head[2])],
];

/**
 * Tells a file's format by its content; the name says nothing.
 * @throws WbError WB3004, WB3005, WB3007 for common mistakes, WB4001 for what is no format of ours.
 */
export async function detectFormat(source: FileSource): Promise<DetectedFormat> {
  if (source.byteLength === 0)
    throw new WbError("WB3007", `${source.label}: the file is empty`, {
      details: { path: source.label },
    });
  const head = await source.read(0, Math.min(HEAD_BYTES, source.byteLength));
  const text = Buffer.from(head).toString("latin1").trimStart();
  if (text.startsWith("version https://git-lfs")) {
    throw new WbError(
      "WB3004",
      `${source.label}: a Git LFS pointer of ${source.byteLength} bytes, not the file itself`,
      { details: { path: source.label } },
    );
  }
  if (/^<(!doctype html|html|\?xml)/i.test(text))
    throw new WbError("WB3005", `${source.label}: a web page, not weights`, {
      details: { path: source.label },
    });
  const format = (isNpzHead(head) ? "npz" : pytorchFormatOf(head)) ?? otherFormat(head, text);
  if (format !== undefined) return format;
  const foreign = foreignKind(head);
  // Too short for a header's length, or a length and no more: that reader's message says so best.
  if (foreign === undefined && (source.byteLength <= LENGTH_BYTES || isLengthAlone(head)))
    return "safetensors";
  const first = [...head.subarray(0, 8)]
    .map((byte) => byte.toString(16).padStart(2, "0"))
    .join(" ");
  throw new WbError(
    "WB4001",
    foreign === undefined
      ? `${source.label}: begins with ${first}, which is no format that weighbridge reads`
      : `${source.label}: ${foreign}, which weighbridge does not read`,
    { details: { path: source.label } },
  );
}

function otherFormat(head: Uint8Array, text: string): DetectedFormat | undefined {
  if (isSafetensorsHead(head)) return "safetensors";
  if (GGUF_MAGIC.equals(head.subarray(0, GGUF_MAGIC.byteLength))) return "gguf";
  if (isRawTensorHead(head)) return "paddle-binary";
  if (isPickle(head) || GLOBAL_FIRST.test(text)) return "paddle";
  return text.startsWith("{") ? "index" : undefined;
}

/** What a file of none of our formats is, where its first bytes tell. */
function foreignKind(head: Uint8Array): string | undefined {
  const text = Buffer.from(head).toString("latin1");
  const known =
    FOREIGN.find(([, magic]) => magic.every((byte, index) => head[index] === byte)) ??
    FOREIGN_LOOKS.find(([, look]) => look(head, text));
  return known === undefined ? undefined : `a file of ${known[0]}`;
}

/** Eight bytes that are a header's length, and a header that does not begin with a brace. */
function isLengthAlone(head: Uint8Array): boolean {
  const length = new DataView(head.buffer, head.byteOffset, head.byteLength).getBigUint64(0, true);
  return length <= BigInt(MAX_HEADER_BYTES);
}

/** A pickle without PROTO that begins with a global, as payloads do: such a file must be scanned, not shrugged at. */
const GLOBAL_FIRST = /^\(*c[\w.]+\n[\w.]+\n/;

/** PROTO with a protocol that exists, or the first opcode of a container in protocols 0 and 1. */
function isPickle(head: Uint8Array): boolean {
  const [first = 0, second = 0] = head;
  if (first === 0x80) return second >= 2 && second <= 16;
  // "(d", "(l", "}q", "]q": how Python 2 began a dict or a list.
  return (
    (first === 0x28 && (second === 0x64 || second === 0x6c)) ||
    ((first === 0x7d || first === 0x5d) && second === 0x71)
  );
}
