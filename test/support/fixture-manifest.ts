import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isRecord } from "./is-record.ts";
import type { Facts } from "./stored-facts.ts";

export const FIXTURES = join(import.meta.dirname, "../../fixtures");

/** One model folder of fixtures/, as its generator noted it. */
export interface FixtureFolder {
  readonly name: string;
  readonly path: string;
  readonly format: string;
  readonly layout: string;
  /** Name of the set of weights it holds, or "none" where it is no model. */
  readonly weights: string;
  readonly golden: string | undefined;
  /** What its generator makes together. */
  readonly group: string;
  /** By file: each tensor as stored; empty for a file without tensors. */
  readonly files: ReadonlyMap<string, Readonly<Record<string, Facts>>>;
}

const manifest: unknown = JSON.parse(readFileSync(join(FIXTURES, "manifest.json"), "utf8"));

/** The member `key` of a JSON object. */
function member(value: unknown, key: string): unknown {
  if (!isRecord(value)) throw new Error(`manifest.json: expected an object around ${key}`);
  return value[key];
}

function text(value: unknown, key: string): string {
  const found = member(value, key);
  if (typeof found !== "string") throw new Error(`manifest.json: ${key} is no string`);
  return found;
}

function factsTable(value: unknown): Readonly<Record<string, Facts>> {
  if (!isRecord(value)) throw new Error("manifest.json: expected a table of tensors");
  return Object.fromEntries(Object.entries(value).map(([name, facts]) => [name, toFacts(facts)]));
}

function toFacts(value: unknown): Facts {
  const list: readonly unknown[] = Array.isArray(value) ? value : [];
  const [dtype, shape, sha256] = list;
  if (typeof dtype !== "string" || !Array.isArray(shape) || typeof sha256 !== "string") {
    throw new Error("manifest.json: expected [dtype, shape, sha256]");
  }
  return [dtype, shape.map(Number), sha256];
}

function toFolder(value: unknown): FixtureFolder {
  const files = member(value, "files");
  const golden = member(value, "golden");
  const name = text(value, "folder");
  return {
    name,
    path: join(FIXTURES, name),
    format: text(value, "format"),
    layout: text(value, "layout"),
    weights: text(value, "weights"),
    group: text(value, "group"),
    golden: typeof golden === "string" ? join(FIXTURES, golden) : undefined,
    files: new Map(
      isRecord(files)
        ? Object.entries(files).map(([file, tensors]) => [file, factsTable(tensors)])
        : [],
    ),
  };
}

const folders = member(manifest, "folders");
export const FIXTURE_FOLDERS: readonly FixtureFolder[] = Array.isArray(folders)
  ? folders.map(toFolder)
  : [];

/** What must come out of every folder that holds the set `name`: Hugging Face names, torch layout. */
export function expectedWeights(name: string): Readonly<Record<string, Facts>> {
  return factsTable(member(member(manifest, "weights"), name));
}
