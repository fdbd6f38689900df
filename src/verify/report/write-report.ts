import { writeFile } from "node:fs/promises";
import { WbError } from "../../errors/wb-error.ts";

/** Writes a report where the user asked for it. @throws WbError WB6002. */
export async function writeReport(path: string, content: string): Promise<void> {
  try {
    await writeFile(path, content);
  } catch (error) {
    throw new WbError("WB6002", `${path}: cannot be written`, {
      details: { path },
      cause: error,
    });
  }
}
