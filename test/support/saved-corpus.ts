import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseIndex } from "../../src/formats/sets/index-file.ts";
import { WbError } from "../../src/errors/wb-error.ts";
import { isRecord } from "./is-record.ts";
import { readAllBytes } from "./open-bytes.ts";

const PATH = join(import.meta.dirname, "../corpus/drawn.json");

/** Files that are kept for one reader and one outcome. */
const MOST_OF_ONE_END = 12;

/** A file as `openCheckpoint` takes it, its format told by its content; or the text of an index. */
export type CorpusReader = "file" | "index";

/** A drawn file that is kept, and what became of it: "read 48 bytes", or an error's code. */
export interface SavedFile {
  readonly reader: CorpusReader;
  readonly bytes: Uint8Array;
  readonly outcome: string;
}

/** Reads the bytes. @throws whatever is no typed error. */
export async function outcomeOf(reader: CorpusReader, bytes: Uint8Array): Promise<string> {
  return (await outcomeAndWay(reader, bytes)).outcome;
}

async function outcomeAndWay(
  reader: CorpusReader,
  bytes: Uint8Array,
): Promise<{ readonly outcome: string; readonly way: string }> {
  try {
    if (reader === "index") parseIndex(bytes, "index");
    const outcome = reader === "index" ? "read" : `read ${await readAllBytes(bytes)} bytes`;
    return { outcome, way: "read" };
  } catch (error) {
    if (!(error instanceof WbError) || error.code === "WB7001") throw error;
    // Numbers and quoted names differ from file to file; what is left tells one check of a reader from another.
    const sentence = error.message.replaceAll(/"[^"]*"|\d+/g, "#").slice(0, 120);
    return { outcome: error.code, way: `${error.code} ${sentence}` };
  }
}

/** The smallest drawn file for each way in which reading ended. */
export class CorpusCollector {
  readonly #smallest = new Map<string, SavedFile>();

  /** Reads the bytes and gives what became of them; keeps them when they are the smallest that ended so. */
  async add(reader: CorpusReader, bytes: Uint8Array): Promise<string> {
    const { outcome, way } = await outcomeAndWay(reader, bytes);
    const key = `${reader} ${way}`;
    const known = this.#smallest.get(key);
    if (known === undefined || known.bytes.byteLength > bytes.byteLength)
      this.#smallest.set(key, { reader, bytes, outcome });
    return outcome;
  }

  /** Writes the corpus anew. */
  save(): void {
    const counts = new Map<string, number>();
    const entries = [...this.#smallest.values()]
      .sort((left, right) => left.bytes.byteLength - right.bytes.byteLength)
      .filter(({ reader, outcome }) => {
        const count = (counts.get(reader + outcome) ?? 0) + 1;
        counts.set(reader + outcome, count);
        return count <= MOST_OF_ONE_END;
      })
      .map(({ reader, bytes, outcome }) => ({
        reader,
        outcome,
        base64: Buffer.from(bytes).toString("base64"),
      }));
    writeFileSync(PATH, `${JSON.stringify(entries, undefined, 2)}\n`);
  }
}

export function readSavedCorpus(): readonly SavedFile[] {
  const entries: unknown = JSON.parse(readFileSync(PATH, "utf8"));
  if (!Array.isArray(entries)) throw new Error(`${PATH}: expected a list`);
  return entries.map((entry: unknown) => {
    if (!isRecord(entry)) throw new Error(`${PATH}: expected objects`);
    return {
      reader: entry["reader"] === "index" ? "index" : "file",
      bytes: Buffer.from(String(entry["base64"]), "base64"),
      outcome: String(entry["outcome"]),
    };
  });
}
