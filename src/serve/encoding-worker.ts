// Runs in a worker thread: encodes the prompts of one model.
import { parentPort, workerData } from "node:worker_threads";
import { isFolder } from "../formats/open.ts";
import { dirname } from "node:path";
import { isRecord } from "../model/config/fields.ts";
import { WbError } from "../errors/wb-error.ts";
import { openTokenizer } from "../runtime/tokenizer/tokenizer.ts";
import { openChatPrompts } from "../session/chat-prompt.ts";
import { encodeJob, type EncodeJob, type EncodeModel } from "./encode-job.ts";

async function open(): Promise<EncodeModel> {
  const data: unknown = workerData;
  const path = isRecord(data) ? String(data["path"]) : "";
  const template =
    isRecord(data) && typeof data["template"] === "string" ? data["template"] : undefined;
  try {
    const chat = await openChatPrompts(path, { template });
    return { chat, tokenizer: chat.tokenizer };
  } catch (error) {
    if (!(error instanceof WbError) || error.code !== "WB2803") throw error;
    const folder = (await isFolder(path)) ? path : dirname(path);
    return { chat: undefined, tokenizer: await openTokenizer(folder) };
  }
}

const opened = open();

/** Tokens of the model's context. */
const MOST = isRecord(workerData) ? Number(workerData["context"]) : 0;

async function answer({ id, job }: { id: number; job: EncodeJob }): Promise<void> {
  try {
    const encoded = encodeJob(await opened, job);
    // Those are refused: their number says why.
    if (encoded.length > MOST) return parentPort?.postMessage({ id, count: encoded.length });
    const ids = Int32Array.from(encoded);
    parentPort?.postMessage({ id, ids }, [ids.buffer]);
  } catch (error) {
    const code = error instanceof WbError ? error.code : undefined;
    const message = error instanceof Error ? error.message : String(error);
    parentPort?.postMessage({ id, code, message });
  }
}

parentPort?.on("message", (message: { id: number; job: EncodeJob }) => {
  void answer(message);
});
