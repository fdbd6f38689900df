import { createHash } from "node:crypto";
import { appendFile, readFile, rm, stat } from "node:fs/promises";
import { isSystemError, WbError } from "../errors/wb-error.ts";
import { writing } from "../errors/write-refused.ts";
import { recordIn } from "../model/config/fields.ts";
import type { Runtime } from "../session/open-runtime.ts";
import { writeWhole } from "../sources/write-whole.ts";
import { itemLine, type Item } from "./item.ts";
import { itemIn } from "./item-in.ts";
import { weightsDigest } from "./weights-digest.ts";

/** Where items go as they are answered, so that an interrupted run can go on. */
export interface Journal {
  /** What an interrupted run answered of one task, by the row's index. */
  known(task: string): ReadonlyMap<number, Item>;
  add(item: Item): Promise<void>;
  /** Writes the file that the journal was kept for, whole or not at all, and removes the journal. */
  finish(text: string): Promise<void>;
}

/** Where nothing is written. */
export const NO_JOURNAL: Journal = {
  known: () => new Map(),
  add: async () => undefined,
  finish: async () => undefined,
};

/**
 * Opens the journal beside a file of results: one line that tells the run, then a line an item as it comes.
 * @param path The file of results.
 * @param run What must be the same for items to be the same.
 * @param how Whether to go on from the items of this run that are there: "begin" does not, "resume" refuses those of another run,
 *   "either" leaves them out.
 * @throws WbError WB3926 where the journal is another run's, WB2001 where the path is something else than a file, and as
 *   `writeWhole`.
 */
export async function openJournal(
  path: string,
  run: string,
  how: "begin" | "resume" | "either",
): Promise<Journal> {
  await needFile(path);
  const part = `${path}.part`;
  const known = how === "begin" ? [] : await itemsOf(part, run, how === "resume");
  // A last line may have been cut in the middle: the journal begins anew with whole ones.
  const lines = [JSON.stringify({ run }), ...known.map(itemLine)];
  await writeWhole(part, lines.map((line) => `${line}\n`).join(""));
  return {
    known: (task) =>
      new Map(known.filter((item) => item.task === task).map((item) => [item.index, item])),
    add: (item) => writing(part, () => appendFile(part, `${itemLine(item)}\n`)),
    finish: async (text) => {
      // Until it is there the items are in the journal: a full disk costs none of them.
      await writeWhole(path, text);
      await rm(part, { force: true });
    },
  };
}

/** What is renamed to a device's or a pipe's name takes its place, and a folder's name is refused only when all is answered. */
async function needFile(path: string): Promise<void> {
  const facts = await stat(path).catch(() => undefined);
  if (facts === undefined || facts.isFile()) return;
  const found = facts.isDirectory() ? "a folder" : "a device or a pipe";
  throw new WbError(
    "WB2001",
    `--details ${path}: expected a file, which is put in place when all is answered, found ${found}`,
    { details: { option: "--details", found } },
  );
}

async function itemsOf(part: string, run: string, isRefused: boolean): Promise<readonly Item[]> {
  const text = await textOf(part);
  if (text === undefined) return [];
  const [head = "", ...lines] = text.split("\n");
  const found = recordIn(head)?.["run"];
  if (found !== run && !isRefused) return [];
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

/** A digest of what items depend on: the options, the device, and the weights as `weightsDigest` tells them. */
export async function runDigest(
  { config, decoder, ops }: Runtime,
  options: unknown,
): Promise<string> {
  const weights = await weightsDigest(config, decoder.weights.source);
  return createHash("sha256")
    .update(JSON.stringify([options, ops.description, ops.compute, weights]))
    .digest("hex");
}
