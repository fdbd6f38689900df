import { appendFile, writeFile } from "node:fs/promises";
import { WbError } from "../errors/wb-error.ts";
import { itemLine, type Item } from "./item.ts";

/** A file that gets a line for each item, task after task. */
export interface DetailsFile {
  add(items: readonly Item[]): Promise<void>;
}

/** @param path Nothing is written when left out. */
export function detailsFile(path: string | undefined): DetailsFile {
  let isBegun = false;
  return {
    add: async (items) => {
      if (path === undefined) return;
      const text = items.map((item) => `${itemLine(item)}\n`).join("");
      await writing(path, () => (isBegun ? appendFile(path, text) : writeFile(path, text)));
      isBegun = true;
    },
  };
}

/** Writes lines of JSON. @throws WbError WB6002. */
export async function writeLines(path: string, values: readonly unknown[]): Promise<void> {
  const text = values.map((value) => `${JSON.stringify(value)}\n`).join("");
  await writing(path, () => writeFile(path, text));
}

async function writing(path: string, write: () => Promise<void>): Promise<void> {
  try {
    await write();
  } catch (cause) {
    throw new WbError("WB6002", `${path}: cannot be written`, { details: { path }, cause });
  }
}
