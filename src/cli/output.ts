import type { Writable } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";
import { writeRefused } from "../errors/write-refused.ts";
import type { WbError } from "../errors/wb-error.ts";

/**
 * Tells of writes to a stream of the process that the system refused: a full disk, say. `weighbridge … | head` closes the pipe early;
 * that is the reader's right, not an error.
 */
export function watchWrites(
  stream: Writable,
  onRefused: (error: WbError) => void = () => undefined,
): void {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") onRefused(writeRefused("standard output", error));
  });
}

/** Writes a text, and leaves a turn in which a refused write of a file is told of, by `watchWrites`. */
export async function written(stream: Pick<Writable, "write">, text: string): Promise<void> {
  stream.write(text);
  await nextTurn();
}
