import { readFile } from "node:fs/promises";
import { isSystemError, WbError } from "../errors/wb-error.ts";
import { isRecord } from "../model/config/fields.ts";
import type { ChatMessage } from "../runtime/chat/message.ts";

/**
 * A conversation from a JSON file: a list of messages with role and content, as transformers' `apply_chat_template` takes it.
 * @throws WbError WB3001, WB2802.
 */
export async function readMessages(path: string): Promise<readonly ChatMessage[]> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw new WbError("WB3001", `${path}: cannot be read (${error.code})`, {
      details: { path },
      cause: error,
    });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new WbError("WB2802", `${path}: expected JSON`, { details: { path }, cause: error });
  }
  if (!Array.isArray(value))
    throw new WbError("WB2802", `${path}: expected a list of messages`, { details: { path } });
  return value.map((entry: unknown, index) => messageOf(entry, `${path}: message ${index + 1}`));
}

function messageOf(entry: unknown, where: string): ChatMessage {
  const { role, content } = isRecord(entry) ? entry : {};
  if (typeof content === "string" && (role === "system" || role === "user" || role === "assistant"))
    return { role, content };
  throw new WbError(
    "WB2802",
    `${where}: expected a role (system, user or assistant) and a content, found ${(JSON.stringify(entry) ?? "nothing").slice(0, 80)}`,
    { details: { path: where } },
  );
}
