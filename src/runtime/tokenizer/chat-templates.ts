import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { isSystemError, WbError } from "../../errors/wb-error.ts";

/** The name of the template that is taken unasked. */
export const DEFAULT_TEMPLATE = "default";

/** Largest chat_template.jinja we read, in bytes; real ones have up to 20 kB. */
const MAX_TEMPLATE_BYTES = 2 ** 20;

/**
 * A model's Jinja chat templates by name, as transformers finds them: `chat_template` of tokenizer_config.json, one text or a list
 * of named ones, and the file chat_template.jinja, which wins over the default of that name.
 * @throws WbError WB3803 for a chat_template of another kind.
 */
export async function readChatTemplates(
  folder: string,
  configured: unknown,
): Promise<ReadonlyMap<string, string>> {
  const templates = new Map<string, string>();
  const path = join(folder, "tokenizer_config.json");
  if (typeof configured === "string") templates.set(DEFAULT_TEMPLATE, configured);
  else if (Array.isArray(configured)) {
    for (const entry of configured.map(namedTemplate)) {
      if (entry === undefined) throw malformed(path);
      templates.set(...entry);
    }
  } else if (configured !== undefined && configured !== null) throw malformed(path);
  const file = await readOptional(join(folder, "chat_template.jinja"));
  if (file !== undefined) templates.set(DEFAULT_TEMPLATE, file);
  return templates;
}

function namedTemplate(entry: unknown): readonly [string, string] | undefined {
  if (typeof entry !== "object" || entry === null) return undefined;
  if (!("name" in entry) || !("template" in entry)) return undefined;
  const { name, template } = entry;
  return typeof name === "string" && typeof template === "string" ? [name, template] : undefined;
}

function malformed(path: string): WbError {
  return new WbError(
    "WB3803",
    `${path}: expected chat_template to be a text, or a list of objects with name and template`,
    { details: { path } },
  );
}

async function readOptional(path: string): Promise<string | undefined> {
  try {
    const bytes = await readFile(path);
    if (bytes.byteLength <= MAX_TEMPLATE_BYTES) return bytes.toString("utf8");
    throw new WbError(
      "WB3805",
      `${path}: expected at most ${MAX_TEMPLATE_BYTES} bytes, found ${bytes.byteLength}`,
      { details: { path } },
    );
  } catch (error) {
    if (isSystemError(error) && error.code === "ENOENT") return undefined;
    throw error;
  }
}
