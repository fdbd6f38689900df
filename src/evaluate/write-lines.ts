import { writeFile } from "node:fs/promises";
import { WbError } from "../errors/wb-error.ts";

/** Writes lines of JSON. @throws WbError WB6002. */
export async function writeLines(path: string, values: readonly unknown[]): Promise<void> {
  const text = values.map((value) => `${JSON.stringify(value)}\n`).join("");
  try {
    await writeFile(path, text);
  } catch (cause) {
    throw new WbError("WB6002", `${path}: cannot be written`, { details: { path }, cause });
  }
}
