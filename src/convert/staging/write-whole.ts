import { randomUUID } from "node:crypto";
import type { FileSystem } from "./file-system.ts";

/** Puts a small file in place whole or not at all, whatever stood there; several programs may do so at once. @throws WbError WB6001, WB6002. */
export async function writeWhole(
  path: string,
  text: string,
  fileSystem: FileSystem,
): Promise<void> {
  const beside = `${path}.${randomUUID()}`;
  try {
    await fileSystem.writeSmall(beside, text);
    await fileSystem.rename(beside, path);
  } catch (error) {
    await fileSystem.remove(beside);
    throw error;
  }
}
