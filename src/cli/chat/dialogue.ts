import type { Chat, ChatTurn } from "../../api/chat.ts";
import { WbError } from "../../errors/wb-error.ts";
import type { CommandContext } from "../command.ts";
import type { Lines } from "./lines.ts";
import { slashCommand } from "./slash-commands.ts";

/** Who hears of Ctrl-C: the answer that is being given, else the whole conversation. */
export class Interrupter {
  #answer: AbortController | undefined;
  #isEnded = false;
  readonly #end: () => void;

  /** @param end Ends the conversation. */
  constructor(end: () => void) {
    this.#end = end;
  }

  /** The signal of one answer. */
  begin(): AbortSignal {
    this.#answer = new AbortController();
    return this.#answer.signal;
  }

  done(): void {
    this.#answer = undefined;
  }

  /** The first during an answer stops the answer; any other ends. */
  interrupt(): void {
    if (this.#answer !== undefined && !this.#answer.signal.aborted) {
      this.#answer.abort(new WbError("WB9001", "the answer was interrupted"));
      return;
    }
    this.#isEnded = true;
    this.#end();
  }

  /** @throws WbError WB9001 once the conversation was interrupted. */
  throwIfEnded(): void {
    if (this.#isEnded) throw new WbError("WB9001", "interrupted");
  }
}

/** Asks line by line until the end; gives how each answer ended. */
export async function converse(
  chat: Chat,
  lines: Lines,
  interrupter: Interrupter,
  context: CommandContext,
): Promise<readonly ChatTurn[]> {
  const turns: ChatTurn[] = [];
  for (;;) {
    const line = await lines.next();
    interrupter.throwIfEnded();
    context.signal.throwIfAborted();
    if (line === undefined) return turns;
    if (line.trim() === "") continue;
    try {
      const asked = await slashCommand(chat, line);
      if (typeof asked !== "string") {
        if (asked.note !== "") context.note(asked.note);
        if (asked.ends) return turns;
        continue;
      }
      turns.push(await answer(chat, asked, interrupter, context));
      interrupter.throwIfEnded();
    } catch (error) {
      // A person can ask otherwise; a script must hear of it.
      if (!lines.isTerminal || !(error instanceof WbError) || error.code === "WB9001") throw error;
      context.note(`error ${error.code}: ${error.message}`);
    }
  }
}

async function answer(
  chat: Chat,
  question: string,
  interrupter: Interrupter,
  context: CommandContext,
): Promise<ChatTurn> {
  const signal = AbortSignal.any([interrupter.begin(), context.signal]);
  try {
    const pieces = chat.ask(question, signal);
    for (;;) {
      const step = await pieces.next();
      if (step.done !== true) {
        context.stream(step.value);
        continue;
      }
      context.stream("\n");
      context.signal.throwIfAborted();
      for (const note of notesOf(step.value)) context.note(note);
      return step.value;
    }
  } finally {
    interrupter.done();
  }
}

function notesOf({ finish, newTokens, droppedTurns }: ChatTurn): readonly string[] {
  const notes: string[] = [];
  if (droppedTurns > 0) {
    const turns = droppedTurns === 1 ? "turn was" : `${droppedTurns} turns were`;
    notes.push(`the oldest ${turns} forgotten: the context has no room for more`);
  }
  if (finish === "interrupted") notes.push("stopped");
  if (finish === "length") notes.push(`cut after ${newTokens} tokens`);
  return notes;
}
