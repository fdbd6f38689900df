import { createInterface } from "node:readline";

/** Questions as they are typed or piped. */
export interface Lines {
  readonly isTerminal: boolean;
  /** The next line; undefined at the end of the input. */
  next(): Promise<string | undefined>;
  close(): void;
}

const PROMPT = "> ";

/** Lines remembered for the arrow keys. */
const HISTORY = 1000;

/**
 * Reads lines with editing and history on a terminal, plain ones elsewhere. Lines that come while nobody waits are kept.
 * @param output Where the prompt and what is typed are shown, on a terminal.
 * @param onInterrupt Told of Ctrl-C, which a terminal that is edited on hands over as a key.
 */
export function openLines(
  input: NodeJS.ReadStream,
  output: NodeJS.WriteStream,
  onInterrupt: () => void,
): Lines {
  const isTerminal = input.isTTY && output.isTTY;
  const reader = createInterface({
    input,
    ...(isTerminal ? { output, prompt: PROMPT, historySize: HISTORY } : {}),
    terminal: isTerminal,
    crlfDelay: Number.POSITIVE_INFINITY,
  });
  const waiting: string[] = [];
  let wanted: ((line: string | undefined) => void) | undefined;
  let isClosed = false;
  const give = (line: string | undefined): void => {
    const taker = wanted;
    wanted = undefined;
    taker?.(line);
  };
  reader.on("line", (line) => {
    if (wanted === undefined) waiting.push(line);
    else give(line);
  });
  reader.on("close", () => {
    isClosed = true;
    give(undefined);
  });
  reader.on("SIGINT", onInterrupt);
  return {
    isTerminal,
    next: () => {
      const line = waiting.shift();
      if (line !== undefined || isClosed) return Promise.resolve(line);
      if (isTerminal) reader.prompt();
      return new Promise((resolve) => {
        wanted = resolve;
      });
    },
    close: () => {
      reader.close();
    },
  };
}
