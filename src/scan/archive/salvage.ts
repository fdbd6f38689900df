import { constants, inflateRawSync } from "node:zlib";
import { memorySource } from "../../sources/file.ts";
import type { ByteSource } from "../../tensor/byte-source.ts";
import type { Examination } from "../context.ts";
import { tracePickle } from "../pickle/trace.ts";

/** Largest zip that is searched in this way, in bytes. */
const MAX_SEARCHED_BYTES = 64 * 2 ** 20;

/** Headers that are followed; so many hold a payload if any does. */
const MAX_HEADERS = 1000;

/** Bytes that a pickle is inflated to. */
const MAX_INFLATED_BYTES = 4 * 2 ** 20;

const SIGNATURE = Buffer.from("PK\u0003\u0004", "latin1");
const LOCAL_BYTES = 30;

/**
 * Looks into the members of a zip whose directory cannot be believed, behind every local header that can be found, and as
 * stored and as deflated. Nothing is judged harmless by this: it names payloads for what they are.
 */
export async function salvageZip(source: ByteSource, context: Examination): Promise<void> {
  if (source.byteLength > MAX_SEARCHED_BYTES) return;
  const bytes = Buffer.from(await source.read(0, source.byteLength));
  let begin = bytes.indexOf(SIGNATURE);
  for (let count = 0; begin >= 0 && count < MAX_HEADERS; count++) {
    const fixed = begin + LOCAL_BYTES;
    if (fixed > bytes.byteLength) return;
    const data = fixed + bytes.readUInt16LE(begin + 26) + bytes.readUInt16LE(begin + 28);
    const next = bytes.indexOf(SIGNATURE, begin + 4);
    const stored = bytes.subarray(data, next < 0 ? bytes.byteLength : next);
    for (const form of [stored, inflatedStart(stored)]) {
      if (form !== undefined && form.byteLength > 0) await payloadIn(form, context);
    }
    begin = next;
  }
}

/** What a deflated stream begins with, however it ends; undefined where the bytes are none. */
function inflatedStart(stored: Uint8Array): Uint8Array | undefined {
  try {
    const finishFlush = constants.Z_SYNC_FLUSH;
    return inflateRawSync(stored, { finishFlush, maxOutputLength: MAX_INFLATED_BYTES });
  } catch {
    // No deflated stream, or one that is no small pickle.
    return undefined;
  }
}

async function payloadIn(bytes: Uint8Array, context: Examination): Promise<void> {
  const { findings, signal } = context;
  const source = memorySource(bytes, findings.file);
  const listener = findings.listener(context);
  let isPickle = false;
  const trace = await tracePickle(
    source,
    0,
    { onGlobal: () => (isPickle = true), onHidden: () => (isPickle = true) },
    signal,
  );
  // Raw numbers may begin with an opcode that names something; they do not go on to call it.
  if (isPickle && (trace.calls || trace.broken === undefined))
    await tracePickle(source, 0, listener, signal);
}
