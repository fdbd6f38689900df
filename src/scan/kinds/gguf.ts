import { WbError } from "../../errors/wb-error.ts";
import { readGgufHeader } from "../../formats/gguf/header.ts";
import type { ByteSource } from "../../tensor/byte-source.ts";
import type { Examination } from "../context.ts";
import { examined, notUnderstood, type Judgement } from "../judgement.ts";
import { templateEscape } from "./template.ts";

/** Judges GGUF: numbers and metadata, of which the chat templates are programs of Jinja. */
export async function examineGguf(source: ByteSource, context: Examination): Promise<Judgement> {
  try {
    const count = await templatesIn(source, context);
    const what = "GGUF: metadata and numbers";
    return examined(
      count === 0 ? what : `${what}, and ${count} chat templates, programs of Jinja in a sandbox`,
    );
  } catch (error) {
    if (error instanceof WbError) return notUnderstood(`damaged GGUF: ${error.message}`);
    throw error;
  }
}

async function templatesIn(source: ByteSource, { findings }: Examination): Promise<number> {
  const { metadata } = await readGgufHeader(source);
  let templates = 0;
  for (const [key, value] of metadata) {
    if (typeof value !== "string" || !/chat_template(\.|$)/.test(key)) continue;
    templates++;
    const escape = templateEscape(value);
    if (escape !== undefined)
      findings.reason("WB5001", `${source.label}: ${key} reaches for ${JSON.stringify(escape)}`);
  }
  return templates;
}
