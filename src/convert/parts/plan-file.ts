import { readSmall } from "../../sources/places.ts";
import { isPlainFileName } from "../../formats/sets/index-file.ts";
import { parseStrictJson, type JsonNode } from "../../formats/safetensors/strict-json.ts";
import { WbError } from "../../errors/wb-error.ts";
import { readText, type FileSystem } from "../staging/file-system.ts";
import { writeWhole } from "../staging/write-whole.ts";

/** The options that decide what is written; those that were not given are left out. */
export type PlannedOptions = Readonly<Record<string, string | number>>;

/** A conversion that is to be written in parts: only what to check, nothing to obey. */
export interface PartsPlan {
  /** The version that made it. */
  readonly weighbridge: string;
  readonly options: PlannedOptions;
  /** What tells this version of each source file from others: size and time, or size and entity tag. */
  readonly sources: readonly { readonly name: string; readonly version: string }[];
  readonly headersSha256: string;
  /** The files that will be written. */
  readonly files: readonly { readonly name: string; readonly bytes: number }[];
  /** Of all above, and of the place of every tensor in every file. */
  readonly planSha256: string;
}

const SCHEMA_VERSION = 1;
const KIND = "weighbridge conversion in parts";

/** Largest plan that is read, in bytes; one of 10 000 files has about 1 MB. */
const MAX_PLAN_BYTES = 32 * 2 ** 20;

export function renderPlanFile(plan: PartsPlan): string {
  return `${JSON.stringify({ schemaVersion: SCHEMA_VERSION, kind: KIND, ...plan }, undefined, 2)}\n`;
}

/** Writes the plan, whole or not at all; false when the very same one was there. @throws WbError WB2901, WB6001, WB6002. */
export async function writePlanFile(
  path: string,
  plan: PartsPlan,
  force: boolean,
  fileSystem: FileSystem,
): Promise<boolean> {
  const text = renderPlanFile(plan);
  const there = await readText(path);
  if (there === text) return false;
  if (there !== undefined && !force)
    throw new WbError("WB2901", `${path}: holds something else than this plan`, {
      details: { path },
    });
  await writeWhole(path, text, fileSystem);
  return true;
}

/** @throws WbError WB3001, WB3002, WB3901, WB4902, WB5901. */
export async function readPlanFile(path: string): Promise<PartsPlan> {
  const bytes = await readSmall(path, MAX_PLAN_BYTES);
  if (bytes === undefined) {
    throw new WbError("WB3001", `${path}: there is no such plan`, {
      details: { path },
      hint: "Make it first: `weighbridge convert SRC DST --plan FILE`, without --part and --finish.",
    });
  }
  return parsePlanFile(bytes, path);
}

/** @throws WbError WB3901, WB4902, WB5901. */
export function parsePlanFile(bytes: Uint8Array, path: string): PartsPlan {
  const limits = { label: path, code: "WB3901", tooManyCode: "WB5901" } as const;
  const reader = new Fields(parseStrictJson(bytes, limits), path, "the plan");
  if (reader.text("kind") !== KIND) throw reader.wrong("kind", KIND);
  const version = reader.count("schemaVersion");
  if (version !== SCHEMA_VERSION) {
    throw new WbError(
      "WB4902",
      `${path}: expected schemaVersion ${SCHEMA_VERSION}, found ${version}`,
      { details: { path, found: version } },
    );
  }
  return {
    weighbridge: reader.text("weighbridge"),
    options: reader.options("options"),
    sources: reader.list("sources").map((source) => ({
      name: source.fileName("name"),
      version: source.text("version"),
    })),
    headersSha256: reader.text("headersSha256"),
    files: reader.list("files").map((file) => ({
      name: file.fileName("name"),
      bytes: file.count("bytes"),
    })),
    planSha256: reader.text("planSha256"),
  };
}

/** The members of a JSON object that must be there and of the right kind. */
class Fields {
  readonly #members: ReadonlyMap<string, JsonNode>;
  readonly #path: string;
  readonly #where: string;

  constructor(node: JsonNode, path: string, where: string) {
    this.#path = path;
    this.#where = where;
    if (node.kind !== "object") throw this.#refuse(`expected an object, found ${node.kind}`);
    this.#members = node.members;
  }

  text(name: string): string {
    const node = this.#members.get(name);
    if (node?.kind !== "string") throw this.wrong(name, "a text");
    return node.value;
  }

  count(name: string): number {
    const node = this.#members.get(name);
    const value = node?.kind === "number" && /^\d+$/.test(node.text) ? Number(node.text) : -1;
    if (!Number.isSafeInteger(value) || value < 0) throw this.wrong(name, "a count");
    return value;
  }

  /** A name that cannot lead out of its folder. */
  fileName(name: string): string {
    const value = this.text(name);
    if (isPlainFileName(value) && !value.includes("/")) return value;
    throw new WbError(
      "WB5901",
      `${this.#path}: ${name} of ${this.#where}: expected a plain file name, found ${JSON.stringify(value)}`,
      { details: { path: this.#path, file: value } },
    );
  }

  list(name: string): readonly Fields[] {
    const node = this.#members.get(name);
    if (node?.kind !== "array") throw this.wrong(name, "a list");
    return node.items.map((item, index) => new Fields(item, this.#path, `${name}[${index}]`));
  }

  options(name: string): PlannedOptions {
    const node = this.#members.get(name);
    if (node?.kind !== "object") throw this.wrong(name, "an object");
    const options: Record<string, string | number> = {};
    for (const [key, value] of node.members) {
      if (value.kind === "string") options[key] = value.value;
      else if (value.kind === "number" && /^\d+$/.test(value.text))
        options[key] = Number(value.text);
      else throw this.wrong(`${name}.${key}`, "a text or a count");
    }
    return options;
  }

  wrong(name: string, expected: string): WbError {
    return this.#refuse(`${name}: expected ${expected}`);
  }

  #refuse(what: string): WbError {
    return new WbError("WB3901", `${this.#path}: ${this.#where}: ${what}`, {
      details: { path: this.#path },
    });
  }
}
