import { WbError } from "../../errors/wb-error.ts";
import type { ModelFiles } from "../../sources/model-files.ts";

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
  files: ModelFiles,
  configured: unknown,
): Promise<ReadonlyMap<string, string>> {
  const templates = new Map<string, string>();
  const path = files.pathOf("tokenizer_config.json");
  if (typeof configured === "string") templates.set(DEFAULT_TEMPLATE, configured);
  else if (Array.isArray(configured)) {
    for (const entry of configured.map(namedTemplate)) {
      if (entry === undefined) throw malformed(path);
      templates.set(...entry);
    }
  } else if (configured !== undefined && configured !== null) throw malformed(path);
  const file = await readOptional(files, "chat_template.jinja");
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

async function readOptional(files: ModelFiles, name: string): Promise<string | undefined> {
  try {
    const bytes = await files.read(name, MAX_TEMPLATE_BYTES);
    return bytes === undefined ? undefined : Buffer.from(bytes).toString("utf8");
  } catch (error) {
    if (!(error instanceof WbError) || error.code !== "WB3002") throw error;
    throw new WbError("WB3805", error.message, {
      details: { path: files.pathOf(name) },
      cause: error,
    });
  }
}
