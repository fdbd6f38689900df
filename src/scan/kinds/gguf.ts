import { WbError } from "../../errors/wb-error.ts";
import { readGgufHeader } from "../../formats/gguf/header.ts";
import type { ByteSource } from "../../tensor/byte-source.ts";
import type { Examination } from "../context.ts";
import { examined, notUnderstood, type Judgement } from "../judgement.ts";
import { judgeBraced, judgeTemplate } from "./template.ts";

/** Judges GGUF: numbers and metadata, of which the chat templates are programs of Jinja. */
export async function examineGguf(source: ByteSource, context: Examination): Promise<Judgement> {
  try {
    const { count, open } = await templatesIn(source, context);
    if (open !== undefined) return notUnderstood(`GGUF with ${open}`);
    const what = "GGUF: metadata and numbers";
    return examined(
      count === 0 ? what : `${what}, and ${count} chat templates, programs of Jinja in a sandbox`,
    );
  } catch (error) {
    if (error instanceof WbError) return notUnderstood(`damaged GGUF: ${error.message}`);
    throw error;
  }
}

async function templatesIn(
  source: ByteSource,
  { findings }: Examination,
): Promise<{ readonly count: number; readonly open: string | undefined }> {
  const { metadata } = await readGgufHeader(source);
  let count = 0;
  let open: string | undefined;
  for (const [key, value] of metadata) {
    const isTemplate = /chat_template(\.|$)/.test(key);
    if (typeof value !== "string") {
      // llama.cpp gives an array of texts as one, in which its templates stand as they are.
      if (isTemplate && typeof value === "object") open ??= `${key}, which is no text`;
      continue;
    }
    const label = `${source.label}: ${key}`;
    if (!isTemplate) {
      open ??= judgeBraced(value, label, findings);
      continue;
    }
    count++;
    open ??= judgeTemplate(value, label, findings);
  }
  return { count, open };
}
