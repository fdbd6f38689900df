import { WbError } from "../../errors/wb-error.ts";
import type { ChatMessage } from "./message.ts";

/** A conversation as question and answer pairs; the last question is not answered yet. */
export interface Turns {
  readonly system: string | undefined;
  readonly past: readonly { readonly question: string; readonly answer: string }[];
  readonly question: string;
}

/**
 * Checks that the conversation is [system], (user, assistant)…, user.
 * @throws WbError WB2802 naming the message that is out of order.
 */
export function turnsOf(
  messages: readonly ChatMessage[],
  template: string,
  allowsSystem: boolean,
): Turns {
  const [first] = messages;
  const system = first?.role === "system" ? first.content : undefined;
  if (system !== undefined && !allowsSystem) {
    throw new WbError("WB2802", `template ${template} has no place for a system message`, {
      details: { template },
    });
  }
  const rest = system === undefined ? messages : messages.slice(1);
  for (const [index, { role }] of rest.entries()) {
    const expected = index % 2 === 0 ? "user" : "assistant";
    if (role === expected) continue;
    throw new WbError(
      "WB2802",
      `message ${index + 1} after the system message: expected role ${expected}, found ${role}`,
    );
  }
  const last = rest.at(-1);
  if (last?.role !== "user") {
    throw new WbError(
      "WB2802",
      `expected the last message to be the user's, found ${last?.role ?? "no message"}`,
    );
  }
  const past: { question: string; answer: string }[] = [];
  for (let index = 0; index + 1 < rest.length; index += 2) {
    past.push({ question: rest[index]?.content ?? "", answer: rest[index + 1]?.content ?? "" });
  }
  return { system, past, question: last.content };
}
