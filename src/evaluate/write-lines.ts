import { writeWhole } from "../sources/write-whole.ts";

/** Writes lines of text. @throws WbError as `writeWhole`. */
export async function writeLines(path: string, lines: readonly string[]): Promise<void> {
  await writeWhole(path, lines.map((line) => `${line}\n`).join(""));
}
