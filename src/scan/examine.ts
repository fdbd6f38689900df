import { WbError } from "../errors/wb-error.ts";
import { isTarHeader } from "../formats/archive/tar.ts";
import { GGUF_MAGIC } from "../formats/gguf/header.ts";
import { readSafetensors, isSafetensorsHead } from "../formats/safetensors/read.ts";
import type { ByteSource } from "../tensor/byte-source.ts";
import { zipBehind } from "./archive/zip-tail.ts";
import { SEVEN_ZIP_MAGIC } from "./archive/seven-zip.ts";
import { isZlib } from "./archive/unpack.ts";
import type { Examination } from "./context.ts";
import { STREAM_MAGICS, isLzmaAlone } from "./decode/streams.ts";
import { examined, harmless, notUnderstood, type Judgement } from "./judgement.ts";
import { examineDistributed } from "./kinds/distributed.ts";
import { foreignKind } from "./kinds/foreign.ts";
import { examineGguf } from "./kinds/gguf.ts";
import { examineHdf5, hasHdf5Behind, HDF5_MAGIC } from "./kinds/hdf5.ts";
import { judgeMetadata } from "./kinds/metadata.ts";
import { examineJoblib } from "./kinds/joblib.ts";
import { examineNpy, NPY_MAGIC } from "./kinds/numpy.ts";
import { examinePickle } from "./kinds/pickle.ts";
import { paddleTensors } from "./kinds/paddle-raw.ts";
import { sentencePiece } from "./kinds/sentencepiece.ts";
import { examineTar } from "./kinds/tar.ts";
import { examineSevenZip } from "./kinds/seven-zip.ts";
import { examineStream, examineZfile, lzmaStream, ZFILE } from "./kinds/stream.ts";
import { isText } from "./kinds/text.ts";
import { judgeText } from "./kinds/text-kind.ts";
import { examineZip } from "./kinds/zip.ts";
import { isJoblibWrapper } from "./names.ts";
import type { TracedGlobal } from "./pickle/stack.ts";
import { tracePickle, type PickleTrace } from "./pickle/trace.ts";

/** Bytes that tell every kind: a tar header has 512. */
const HEAD_BYTES = 512;

const ZIP_STARTS = ["PK\u0003\u0004", "PK\u0005\u0006"].map((magic) =>
  Buffer.from(magic, "latin1"),
);
const GZIP = Buffer.from([0x1f, 0x8b]);
const PROTO = 0x80;

/**
 * Judges what a file, or a member of one, is: by its content, for every loader that would take it. Whatever it is, Python's
 * unpickler is followed from its first byte, too, since torch.load and others hand it what they do not know.
 */
export async function examine(source: ByteSource, context: Examination): Promise<Judgement> {
  context.signal?.throwIfAborted();
  if (source.byteLength === 0) return harmless("empty");
  const named: TracedGlobal[] = [];
  let hasHidden = false;
  let hidesName = false;
  const trace = await tracePickle(
    source,
    0,
    {
      onGlobal: (global) => named.length < MAX_FIRST_NAMES && named.push(global),
      onHidden: (code) => {
        hasHidden = true;
        hidesName ||= code === "WB5203";
      },
    },
    context.signal,
  );
  const head = Buffer.from(await source.read(0, Math.min(HEAD_BYTES, source.byteLength)));
  const known = await examineKnown(source, head, context);
  if (known !== undefined) {
    if (hidesName || names(named, trace)) await traceAgain(source, context);
    return withOtherReadings(known, source, head, context);
  }
  const isPickle = trace.broken === undefined || head[0] === PROTO;
  const isNaming = named.length > 0 || hasHidden;
  // A list of words may begin with "cat" and "dog", which name `dog` of `at` to an unpickler: by a text's name, and calling
  // nothing, it is a text.
  const mayBeText = !isPickle && (!isNaming || (!trace.calls && TEXT_NAME.test(context.name)));
  if (mayBeText && (await isText(source))) return judgeText(source, context);
  if (!isPickle && !isNaming) {
    const zip = await zipBehind(source);
    if (zip !== undefined) return examineZip(zip, context, examine);
    if (await hasHdf5Behind(source)) return examineHdf5(source, context);
    return unknown(source, head);
  }
  if (named.some(({ module, name }) => isJoblibWrapper(module, name))) {
    const arrays = await examineJoblib(source, context);
    if (arrays !== undefined) return withOtherReadings(arrays, source, head, context);
  }
  await traceAgain(source, context);
  return withOtherReadings(await examinePickle(source, trace, context), source, head, context);
}

/**
 * Python's zipfile takes what has the end of a zip, and HDF5's library what has its mark behind 512 bytes or a power of two times
 * as many, whatever the file begins with: a picture, numbers, a pickle. A tar's members are looked at one by one.
 */
async function withOtherReadings(
  first: Judgement,
  source: ByteSource,
  head: Buffer,
  context: Examination,
): Promise<Judgement> {
  if (isTarHeader(head)) return first;
  const isZip = ZIP_STARTS.some((magic) => magic.equals(head.subarray(0, magic.byteLength)));
  const judged = [first];
  const zip = isZip ? undefined : await zipBehind(source);
  if (zip !== undefined) judged.push(await examineZip(zip, context, examine));
  const isHdf5 = HDF5_MAGIC.equals(head.subarray(0, HDF5_MAGIC.byteLength));
  if (!isHdf5 && !isZip && (await hasHdf5Behind(source)))
    judged.push(await examineHdf5(source, context));
  if (judged.length === 1) return first;
  const why = judged.map((judgement) => judgement.why).join("; and to other readers ");
  return judged.some(({ state }) => state === "not-understood")
    ? notUnderstood(why)
    : examined(why);
}

/** Names of texts, which no loader hands to an unpickler. */
const TEXT_NAME =
  /^(readme|licen[cs]e|notice|authors|changelog)$|^\.git\w+$|\.(txt|md|rst|json|jsonl|ya?ml|toml|csv|tsv|cfg|ini|log|vocab|merges|jinja2?|j2|py|sh|html?|xml|cff|bib|tex)$/i;

/** Names of the first trace that are kept; they only tell whether there are any. */
const MAX_FIRST_NAMES = 100;

/** Whether a file of another kind is a pickle to Python as well: one that names what can be imported. */
function names(named: readonly TracedGlobal[], trace: PickleTrace): boolean {
  return (
    trace.broken === undefined ||
    named.some(({ module }) =>
      /^[\p{L}_][\p{L}\p{N}_-]*(\.[\p{L}_][\p{L}\p{N}_-]*)*$/u.test(module),
    )
  );
}

async function traceAgain(source: ByteSource, context: Examination): Promise<void> {
  const { findings, signal } = context;
  const { broken } = await tracePickle(source, 0, findings.listener(context), signal);
  if (broken !== undefined) findings.takeUnsafe(broken);
}

/** Kinds that have a mark of their own; undefined where there is none. */
async function examineKnown(
  source: ByteSource,
  head: Buffer,
  context: Examination,
): Promise<Judgement | undefined> {
  const startsWith = (magic: Buffer): boolean => head.subarray(0, magic.byteLength).equals(magic);
  if (ZIP_STARTS.some(startsWith)) {
    const parts = await examineDistributed(source, context, examine);
    return parts ?? examineZip(source, context, examine);
  }
  if (isTarHeader(head)) return examineTar(source, context, examine);
  if (startsWith(NPY_MAGIC)) return examineNpy(source, context);
  if (startsWith(GGUF_MAGIC)) return examineGguf(source, context);
  if (startsWith(HDF5_MAGIC)) return examineHdf5(source, context);
  if (isSafetensorsHead(head)) return examineSafetensors(source, context);
  if (startsWith(SEVEN_ZIP_MAGIC)) return examineSevenZip(source, context, examine);
  if (startsWith(GZIP)) return examineStream(source, "gzip", context, examine);
  if (isZlib(head)) return examineStream(source, "zlib", context, examine);
  if (startsWith(ZFILE)) return examineZfile(source, context, examine);
  const packed = STREAM_MAGICS.find(([, magic]) => startsWith(magic));
  if (packed !== undefined) return examineStream(source, packed[0], context, examine);
  const foreign = await foreignKind(source, context.name);
  if (foreign !== undefined || !isLzmaAlone(head)) return foreign;
  return lzmaStream(source, context, examine);
}

async function examineSafetensors(source: ByteSource, context: Examination): Promise<Judgement> {
  try {
    const { metadata } = await readSafetensors(source);
    const open = judgeMetadata(metadata, source.label, context);
    if (open !== undefined) return notUnderstood(`safetensors: ${open}`);
    return examined("safetensors: its header was read whole; it holds numbers and no program");
  } catch (error) {
    if (!(error instanceof WbError)) throw error;
    context.findings.takeUnsafe(error);
    return notUnderstood(`safetensors that break their format: ${error.message}`);
  }
}

async function unknown(source: ByteSource, head: Buffer): Promise<Judgement> {
  const known = (await sentencePiece(source)) ?? (await paddleTensors(source));
  if (known !== undefined) return known;
  const first = [...head.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, "0"));
  return notUnderstood(`begins with ${first.join(" ")}, which is no format that scan knows`);
}
