// Runs in a worker thread: writes tensors of a conversion into their files and reads them back, one after another. Only the pool
// of this package sends it messages.
import { parentPort, workerData } from "node:worker_threads";
import { openFileSource, sliceSource, type FileSource } from "../../sources/file.ts";
import { plainError } from "../../errors/wb-error.ts";
import { BufferRing } from "../../mapping/buffer-ring.ts";
import type { ByteSource } from "../../tensor/byte-source.ts";
import { REAL_FILE_SYSTEM, type OutputFile } from "../staging/file-system.ts";
import { tensorOf, type FileRange } from "./tensor-job.ts";
import { checkedWriter } from "./checked.ts";
import { writeTensor } from "./tensor.ts";
import type { WriteReply, WriteRequest } from "./message.ts";

/** A thread reads and writes in turn; to read ahead would only take memory. */
const buffers = new BufferRing(1, Number(workerData));
/** Sources stay open: most tensors are in the same few files. */
const sources = new Map<string, Promise<FileSource>>();
let output: { readonly path: string; readonly file: OutputFile } | undefined;

async function openSource({ path, begin, byteLength, label }: FileRange): Promise<ByteSource> {
  const known = sources.get(path) ?? openFileSource(path);
  sources.set(path, known);
  return sliceSource(await known, begin, byteLength, label);
}

/** The output file; the one before is closed when another is begun. */
async function openOutput(path: string): Promise<OutputFile> {
  if (output?.path !== path) {
    await output?.file.close();
    output = { path, file: await REAL_FILE_SYSTEM.openForWriting(path, "r+") };
  }
  return output.file;
}

/** Bytes after which the other side is told of them: a message costs as much as copying some. */
const REPORT_BYTES = 4 * 2 ** 20;

/** Adds bytes up and tells of them now and then. */
function reporter(
  id: number,
  kind: "bytes" | "verified",
): { add(count: number): void; end(): void } {
  let untold = 0;
  const end = (): void => {
    if (untold > 0) tell({ id, kind, count: untold });
    untold = 0;
  };
  return {
    add: (count) => {
      untold += count;
      if (untold >= REPORT_BYTES) end();
    },
    end,
  };
}

function tell(reply: WriteReply): void {
  parentPort?.postMessage(reply);
}

async function work(request: WriteRequest): Promise<void> {
  const { id, job, path, begin, needsCrc32, verify } = request;
  const written = reporter(id, "bytes");
  const verified = reporter(id, "verified");
  try {
    const tensor = await tensorOf(job, openSource);
    const file = await openOutput(path);
    const writing = {
      settings: { verify, signal: undefined },
      buffers,
      onBytes: (count: number) => written.add(count),
      onVerified: (count: number) => verified.add(count),
    };
    const write = checkedWriter(tensor.name, file, begin, writing);
    const outcome = await writeTensor(tensor, needsCrc32, writing, write);
    written.end();
    verified.end();
    tell({ id, kind: "done", outcome });
  } catch (error) {
    tell({ id, kind: "failed", error: plainError(error) });
  }
}

// One request at a time: the pool sends the next when it has the answer.
parentPort?.on("message", (request: WriteRequest) => void work(request));
