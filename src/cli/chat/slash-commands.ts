import { writeFile } from "node:fs/promises";
import type { Chat } from "../../api/chat.ts";
import { isSystemError } from "../../errors/wb-error.ts";
import { writeRefused } from "../../errors/write-refused.ts";
import { plural } from "../plural.ts";

/** What a line that begins with "/" came to. */
export interface SlashOutcome {
  /** A line for people. */
  readonly note: string;
  readonly ends: boolean;
}

interface SlashCommand {
  readonly usage: string;
  readonly does: string;
  run(chat: Chat, rest: string): Promise<SlashOutcome> | SlashOutcome;
}

const COMMANDS: ReadonlyMap<string, SlashCommand> = new Map<string, SlashCommand>([
  ["help", { usage: "/help", does: "this list", run: () => said(help()) }],
  [
    "reset",
    {
      usage: "/reset",
      does: "forget the conversation",
      run: (chat) => {
        chat.reset();
        return said("forgotten");
      },
    },
  ],
  [
    "system",
    {
      usage: "/system TEXT",
      does: "what the model is told of itself; nothing without TEXT",
      run: (chat, rest) => {
        chat.setSystem(rest);
        return said(rest === "" ? "no system message" : "system message set");
      },
    },
  ],
  [
    "save",
    {
      usage: "/save FILE",
      does: "write the conversation as JSON, as --messages reads it",
      run: save,
    },
  ],
  [
    "exit",
    {
      usage: "/exit",
      does: "end; so does the end of input",
      run: () => ({ note: "", ends: true }),
    },
  ],
]);

/** The text to ask of a line, or what the command in it did. A question may begin with "/" when it is doubled. */
export async function slashCommand(chat: Chat, line: string): Promise<SlashOutcome | string> {
  if (line.startsWith("//")) return line.slice(1);
  const match = /^\/(\w*)\s*(.*)$/s.exec(line);
  if (match === null) return line;
  const [, name = "", rest = ""] = match;
  const command = COMMANDS.get(name);
  if (command === undefined) return said(`/${name}: no such command; /help lists them`);
  return command.run(chat, rest.trim());
}

function help(): string {
  const lines = [...COMMANDS.values()].map(({ usage, does }) => `${usage.padEnd(14)} ${does}`);
  return [
    ...lines,
    "Ctrl-C stops an answer, or ends at the prompt; // asks a question that begins with /",
  ].join("\n");
}

function said(note: string): SlashOutcome {
  return { note, ends: false };
}

async function save(chat: Chat, path: string): Promise<SlashOutcome> {
  if (path === "") return said("/save FILE: expected a file's name");
  try {
    await writeFile(path, `${JSON.stringify(chat.messages, undefined, 2)}\n`, { flag: "wx" });
  } catch (error) {
    if (!isSystemError(error)) throw error;
    if (error.code === "EEXIST") return said(`${path}: is there already`);
    throw writeRefused(path, error);
  }
  return said(`saved ${plural(chat.messages.length, "message")}: ${path}`);
}
