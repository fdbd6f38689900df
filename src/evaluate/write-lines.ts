import { writeFile } from "node:fs/promises";
import { WbError } from "../errors/wb-error.ts";

/** Writes lines of text. @throws WbError WB6002. */
export async function writeLines(path: string, lines: readonly string[]): Promise<void> {
  const text = lines.map((line) => `${line}\n`).join("");
  try {
    await writeFile(path, text);
  } catch (cause) {
    throw new WbError("WB6002", `${path}: cannot be written`, { details: { path }, cause });
  }
}
