import type { Examination } from "../context.ts";
import { judgeJson } from "./json.ts";
import { parsePythonJson } from "./python-json.ts";
import { judgeBraced } from "./template.ts";

/**
 * Judges the texts that safetensors keep beside their numbers. The format's own readers hand them on; diffusers and PEFT take
 * some for settings in JSON, so each is judged as JSON or a template would be.
 * @returns Why one is not understood; undefined where all are.
 */
export function judgeMetadata(
  metadata: ReadonlyMap<string, string>,
  label: string,
  context: Examination,
): string | undefined {
  for (const [key, text] of metadata) {
    const where = `${label}: the metadata ${JSON.stringify(key)}`;
    const root = /^\s*[[{]/.test(text) ? parsePythonJson(text) : undefined;
    if (root === undefined) {
      const open = judgeBraced(text, where, context.findings);
      if (open !== undefined) return `its metadata ${JSON.stringify(key)}: ${open}`;
      continue;
    }
    const { state, why } = judgeJson({ text, root }, "JSON", where, context);
    if (state === "not-understood") return `its metadata ${JSON.stringify(key)}: ${why}`;
  }
  return undefined;
}
