import { createHash } from "node:crypto";
import { appendFile, readFile, rename, writeFile } from "node:fs/promises";
import { isSystemError, WbError } from "../errors/wb-error.ts";
import { recordIn } from "../model/config/fields.ts";
import { expectedTensors } from "../model/tensors.ts";
import type { Runtime } from "../session/open-runtime.ts";
import { itemLine, type Item } from "./item.ts";
import { itemIn } from "./item-in.ts";

/** Where items go as they are answered, so that an interrupted run can go on. */
export interface Journal {
  /** What an interrupted run answered of one task, by the row's index. */
  known(task: string): ReadonlyMap<number, Item>;
  add(item: Item): Promise<void>;
  /** Writes the details file from all items, in their order, and removes the journal. */
  finish(items: readonly Item[]): Promise<void>;
}

/**
 * Opens the journal beside a details file: one line that tells the run, then a line an item as it comes.
 * @param path The details file; nothing is written when left out.
 * @param run What must be the same for items to be the same.
 * @throws WbError WB3926 where the journal is another run's, WB6002.
 */
export async function openJournal(
  path: string | undefined,
  run: string,
  isResumed: boolean,
): Promise<Journal> {
  if (path === undefined)
    return { known: () => new Map(), add: async () => undefined, finish: async () => undefined };
  const part = `${path}.part`;
  const known = isResumed ? await itemsOf(part, run) : [];
  // A last line may have been cut in the middle: the journal begins anew with whole ones.
  const lines = [JSON.stringify({ run }), ...known.map(itemLine)];
  await writing(part, () => writeFile(part, lines.map((line) => `${line}\n`).join("")));
  return {
    known: (task) =>
      new Map(known.filter((item) => item.task === task).map((item) => [item.index, item])),
    add: (item) => writing(part, () => appendFile(part, `${itemLine(item)}\n`)),
    finish: async (items) => {
      await writing(part, () =>
        writeFile(part, items.map((item) => `${itemLine(item)}\n`).join("")),
      );
      await writing(path, () => rename(part, path));
    },
  };
}

async function itemsOf(part: string, run: string): Promise<readonly Item[]> {
  const text = await textOf(part);
  if (text === undefined) return [];
  const [head = "", ...lines] = text.split("\n");
  const found = recordIn(head)?.["run"];
  if (found !== run)
    throw new WbError(
      "WB3926",
      `${part}: expected the items of a run with these weights and options, found those of another`,
      { details: { path: part } },
    );
  return lines.flatMap((line) => itemIn(line) ?? []);
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (isSystemError(error) && error.code === "ENOENT") return undefined;
    throw new WbError("WB6002", `${path}: cannot be read`, { details: { path }, cause: error });
  }
}

async function writing(path: string, write: () => Promise<void>): Promise<void> {
  try {
    await write();
  } catch (cause) {
    throw new WbError("WB6002", `${path}: cannot be written`, { details: { path }, cause });
  }
}

/**
 * A digest of what items depend on: the options, the device, and the weights' vectors, whose bytes differ between versions
 * of a model and are read in no time.
 */
export async function runDigest(runtime: Runtime, options: unknown): Promise<string> {
  const { config, decoder, ops } = runtime;
  const hash = createHash("sha256");
  hash.update(JSON.stringify([options, ops.description, ops.compute, config]));
  for (const { name, shape } of expectedTensors(config)) {
    hash.update(name);
    if (shape.length === 1) hash.update((await decoder.weights.source.read(name)).bytes);
  }
  return hash.digest("hex");
}
