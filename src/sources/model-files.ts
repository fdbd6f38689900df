import { join } from "node:path";
import { WbError } from "../errors/wb-error.ts";
import { listPlace, readSmall } from "./places.ts";

/** The small files of a model beside its weights: tokenizer, settings, chat template. */
export interface ModelFiles {
  /** The folder, or the file that they are made of. */
  readonly label: string;
  /** Their names; none where the folder cannot be listed. */
  names(): Promise<readonly string[]>;
  /** Undefined where there is none of that name. @throws WbError WB3002 beyond `maxBytes`. */
  read(name: string, maxBytes: number): Promise<Uint8Array | undefined>;
  /** What messages call one. */
  pathOf(name: string): string;
}

/** Those of a folder of any place. */
export function folderFiles(folder: string): ModelFiles {
  const pathOf = (name: string): string => join(folder, name);
  return {
    label: folder,
    pathOf,
    names: async () => {
      try {
        return await listPlace(folder);
      } catch (error) {
        if (isMissing(error)) return [];
        throw error;
      }
    },
    read: (name, maxBytes) => readSmall(pathOf(name), maxBytes),
  };
}

function isMissing(error: unknown): boolean {
  return error instanceof WbError && error.code === "WB3001";
}

/** Files that are made of what another file says. */
export function madeFiles(label: string, files: ReadonlyMap<string, Uint8Array>): ModelFiles {
  return {
    label,
    pathOf: (name) => `${label} (${name})`,
    names: () => Promise.resolve([...files.keys()]),
    read: (name) => Promise.resolve(files.get(name)),
  };
}
