// Runs in a worker thread: reads ranges of one file from the disk and gives their digests, so that what was written is read back
// while the next tensor is being written.
import { createHash } from "node:crypto";
import { closeSync, openSync, readSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { crc32 } from "node:zlib";
import { READ_BYTES, toRange, type Digest, type Range } from "./read-back-message.ts";

const path = String(workerData);
let descriptor: number | undefined;
const buffer = new Uint8Array(READ_BYTES);

function digestOf({ id, begin, end, needsCrc32 }: Range): Digest {
  descriptor ??= openSync(path, "r");
  const hash = createHash("sha256");
  let checksum = 0;
  for (let at = begin; at < end;) {
    const length = readSync(descriptor, buffer, 0, Math.min(READ_BYTES, end - at), at);
    if (length === 0) return { id, failure: `ends at byte ${at}, expected ${end}` };
    const chunk = buffer.subarray(0, length);
    hash.update(chunk);
    if (needsCrc32) checksum = crc32(chunk, checksum);
    at += length;
  }
  return { id, sha256: hash.digest("hex"), crc32: checksum };
}

function answer(message: unknown): Digest | undefined {
  const range = toRange(message);
  if (range === undefined) return undefined;
  try {
    return digestOf(range);
  } catch (error) {
    return { id: range.id, failure: error instanceof Error ? error.message : String(error) };
  }
}

parentPort?.on("message", (message: unknown) => {
  const digest = answer(message);
  if (digest !== undefined) {
    parentPort?.postMessage(digest);
    return;
  }
  if (descriptor !== undefined) closeSync(descriptor);
  parentPort?.close();
});
