// Runs in a worker thread: encodes the prompts of one model.
import { parentPort, workerData } from "node:worker_threads";
import { modelHome } from "../formats/model-home.ts";
import { isRecord } from "../model/config/fields.ts";
import { plainError, WbError } from "../errors/wb-error.ts";
import { openTokenizer } from "../runtime/tokenizer/tokenizer.ts";
import { TOKENIZER_FORMS } from "../options/choices.ts";
import { openChatPrompts } from "../session/chat-prompt.ts";
import type { EncodeReply } from "./encoder.ts";
import { encodeJob, type EncodeJob, type EncodeModel } from "./encode-job.ts";

async function open(): Promise<EncodeModel> {
  const data: unknown = workerData;
  const path = isRecord(data) ? String(data["path"]) : "";
  const template =
    isRecord(data) && typeof data["template"] === "string" ? data["template"] : undefined;
  const form =
    isRecord(data) && typeof data["form"] === "string"
      ? TOKENIZER_FORMS.find((one) => one === data["form"])
      : undefined;
  try {
    const chat = await openChatPrompts(path, { template, tokenizer: form });
    return { chat, tokenizer: chat.tokenizer };
  } catch (error) {
    if (!(error instanceof WbError) || error.code !== "WB2803") throw error;
    return { chat: undefined, tokenizer: await openTokenizer(await modelHome(path), form) };
  }
}

const opened = open();

/** Tokens of the model's context. */
const MOST = isRecord(workerData) ? Number(workerData["context"]) : 0;

async function answer({ id, job }: { id: number; job: EncodeJob }): Promise<void> {
  try {
    const encoded = encodeJob(await opened, job);
    // Those are refused: their number says why.
    if (encoded.length > MOST) return tell({ id, kind: "tooLong", count: encoded.length });
    const ids = Int32Array.from(encoded);
    tell({ id, kind: "ids", ids }, [ids.buffer]);
  } catch (error) {
    if (error instanceof WbError) tell({ id, kind: "failed", error: plainError(error) });
    else
      tell({ id, kind: "broken", reason: error instanceof Error ? error.message : String(error) });
  }
}

function tell(reply: EncodeReply, transfer: readonly ArrayBuffer[] = []): void {
  parentPort?.postMessage(reply, transfer);
}

parentPort?.on("message", (message: { id: number; job: EncodeJob }) => {
  void answer(message);
});
