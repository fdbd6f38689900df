import { leavesFolder } from "../archive/member-name.ts";
import type { Findings } from "../findings.ts";
import { isRecord, textsOf } from "./imports.ts";
import { fileOfLayer } from "./keras-layer.ts";

/** A file that a loader reads because a configuration names it. */
export interface NamedFile {
  readonly how: string;
  readonly name: string;
  /** Whether nothing but files of the model's own folder, which are looked at themselves, would be named by an honest one. */
  readonly isOwn: boolean;
}

type Fields = Readonly<Record<string, unknown>>;

/** Lists of a model's weights: of safetensors and Keras (`weight_map`), TensorFlow.js, and transformers' own choice. */
const LISTS: ReadonlySet<string> = new Set([
  "weight_map",
  "weightsManifest",
  "transformers_weights",
]);

/** Every file that a loader is known to read because of one object of JSON. */
export function filesOf(value: Fields): readonly NamedFile[] {
  const files: NamedFile[] = [];
  const file = fileOfLayer(value);
  if (file !== undefined)
    files.push({ how: `a layer ${String(value["class_name"])}`, name: file, isOwn: false });
  for (const [key, item] of Object.entries(value)) {
    // A program beside the weights is a file of its own, which says for itself what it is.
    const isProgram = key === "model_file" && typeof item === "string" && /\.\w+$/.test(item);
    if (!LISTS.has(key) && !isProgram) continue;
    const texts = key === "weightsManifest" ? pathsIn(item) : textsOf(item);
    files.push(...texts.map((name) => ({ how: key, name, isOwn: true })));
  }
  return files;
}

function pathsIn(manifest: unknown): readonly string[] {
  const groups = Array.isArray(manifest) ? (manifest as readonly unknown[]) : [];
  return groups.flatMap((group) => (isRecord(group) ? textsOf(group["paths"]) : []));
}

/** Tells of files outside of the folder; gives the first of the others that a layer reads. */
export function judgeFiles(
  files: readonly NamedFile[],
  label: string,
  findings: Findings,
): NamedFile | undefined {
  const leaving = files.find(({ name }) => leavesFolder(name));
  if (leaving !== undefined)
    findings.reason("WB5003", `${label}: ${leaving.how} names ${JSON.stringify(leaving.name)}`);
  return files.find(({ isOwn }) => !isOwn);
}
