import type { Writable } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";
import { writeRefused } from "../errors/write-refused.ts";
import type { WbError } from "../errors/wb-error.ts";

type OnRefused = (error: WbError) => void;

/** Who is told of refused writes. A stream has one listener however often it is watched: several runs may share a process. */
const watchers = new WeakMap<Writable, Set<OnRefused>>();

/**
 * Tells of writes to a stream of the process that the system refused: a full disk, say. `weighbridge … | head` closes the pipe early;
 * that is the reader's right, not an error.
 * @returns Ends the watch. What is refused afterwards is told to nobody, and ends nothing.
 */
export function watchWrites(stream: Writable, onRefused?: OnRefused): () => void {
  const known = watchers.get(stream);
  const told = known ?? new Set<OnRefused>();
  if (known === undefined) {
    watchers.set(stream, told);
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EPIPE") return;
      for (const tell of told) tell(writeRefused("standard output", error));
    });
  }
  if (onRefused === undefined) return () => undefined;
  told.add(onRefused);
  return () => {
    told.delete(onRefused);
  };
}

/** Writes a text, and leaves a turn in which a refused write of a file is told of, by `watchWrites`. */
export async function written(stream: Pick<Writable, "write">, text: string): Promise<void> {
  stream.write(text);
  await nextTurn();
}
