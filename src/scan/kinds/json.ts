import { isIndexName } from "../../formats/sets/index-file.ts";
import type { ByteSource } from "../../tensor/byte-source.ts";
import type { Examination } from "../context.ts";
import { examined, harmless, notUnderstood, type Judgement } from "../judgement.ts";
import { findNested } from "../pickle/nested.ts";
import { implementations, importsOf, isRecord, textsOf } from "./imports.ts";
import { membersIn } from "./json-members.ts";
import { dangerousLayer } from "./keras-layer.ts";
import { parsePythonJson } from "./python-json.ts";
import { filesOf, judgeFiles, type NamedFile } from "./reads.ts";
import { judgeTargets, type Target } from "./target.ts";
import { BLOCK, judgeBraced, judgeTemplate } from "./template.ts";

/** Largest JSON that is parsed, in bytes; the largest tokenizer.json has 40 MB. */
const MAX_JSON_BYTES = 64 * 2 ** 20;

/** Values that are looked at. */
const MAX_VALUES = 5_000_000;

/** What a JSON file says that loaders act on. */
interface Facts {
  readonly templates: string[];
  readonly code: string[];
  readonly layers: string[];
  /** What a loader would import and call by its name, such as `_target_` of Hydra. */
  readonly targets: Target[];
  /** What is code to some loader, and what is not understood, in words. */
  readonly dangers: string[];
  readonly open: string[];
  /** Texts that may be templates, under whatever name. */
  readonly braced: string[];
  /** Files that a loader reads by their names here. */
  readonly files: NamedFile[];
  /** Models that an adapter is loaded onto. */
  readonly bases: string[];
  /** Members of all objects. */
  count: number;
}

/** Code of Python as `marshal` writes it, in base64: a Lambda's function, whatever the layer is called. */
const MARSHALLED =
  /^(?:4w|Yw)[AEIMQUYcgkosw048]AAAA[AEIMQUYcgkosw048][A-Za-z0-9+/\n]{60,}={0,2}\n?$/;

/**
 * Judges a JSON file: data, but for what loaders run because of it: templates of chats, Python that `auto_map` names, layers of
 * Keras that hold code.
 */
export async function examineJson(source: ByteSource, context: Examination): Promise<Judgement> {
  if (source.byteLength > MAX_JSON_BYTES)
    return notUnderstood(`JSON of more than ${MAX_JSON_BYTES} bytes`);
  const text = Buffer.from(await source.read(0, source.byteLength)).toString("utf8");
  const root = parsePythonJson(text);
  if (root === undefined)
    return notUnderstood(
      "a text that is no JSON in spite of its name, so that nobody knows what a loader makes of it",
    );
  await findNested(source, context.findings, context.signal);
  return judgeJson({ text, root }, "JSON", source.label, context);
}

/** A text of JSON, and what it says. */
export interface ParsedJson {
  readonly text: string;
  readonly root: unknown;
}

/**
 * Judges a text of JSON that was parsed already. Of a key that stands twice Python takes the last, other readers the first or
 * neither, so that nobody knows which is meant.
 */
export function judgeJson(
  { text, root }: ParsedJson,
  what: string,
  label: string,
  context: Examination,
): Judgement {
  const facts = factsOf(root);
  const judgement = judgeFacts(facts, what, label, context);
  if (facts === undefined || facts.count === membersIn(text)) return judgement;
  return notUnderstood(
    `${what} in which a key stands twice, of which readers take one or the other`,
  );
}

/** Judges what a configuration makes loaders do. */
function judgeFacts(
  facts: Facts | undefined,
  what: string,
  label: string,
  { findings, member, name: called }: Examination,
): Judgement {
  if (facts === undefined) return notUnderstood(`${what} of more than ${MAX_VALUES} values`);
  const { templates, code, layers, targets, dangers, braced } = facts;
  const shown = new Set(templates);
  const computing = braced
    .filter((text) => !shown.has(text))
    .map((text) => judgeBraced(text, label, findings))
    .find((why) => why !== undefined);
  for (const danger of new Set(dangers)) findings.reason("WB5002", `${label}: ${danger}`);
  const open = templates
    .map((template) => judgeTemplate(template, `${label}: its chat template`, findings))
    .find((why) => why !== undefined);
  if (open !== undefined) return notUnderstood(`${what} with ${open}`);
  if (layers.length > 0) {
    findings.reason("WB5002", `${label}: a Keras model with ${[...new Set(layers)].join(", ")}`);
    return examined(`${what} of a Keras model`);
  }
  // Of an index in a folder its own reader tells, which follows it to its shards.
  const isFollowed = member === "" && isIndexName(called);
  const files = facts.files.filter(({ how }) => !isFollowed || how !== "weight_map");
  const file = judgeFiles(files, label, findings);
  const target = judgeTargets(targets, label, findings);
  if (target !== undefined)
    return notUnderstood(
      `${what} whose ${target.key} names ${target.name}, which a loader would import`,
    );
  if (file !== undefined)
    return notUnderstood(`${what}: ${file.how} reads the file ${JSON.stringify(file.name)}`);
  const unread = facts.open[0] ?? computing;
  if (unread !== undefined) return notUnderstood(`${what}: ${unread}`);
  const foreign = code.filter((name) => name.includes("--"));
  if (foreign.length > 0)
    return notUnderstood(
      `${what} whose auto_map or custom_pipelines names code of other places: ${foreign.join(", ")}`,
    );
  const notes = [
    ...(templates.length === 0
      ? []
      : [
          `${templates.length} chat template${templates.length === 1 ? "" : "s"}, a program of Jinja that stays in its sandbox`,
        ]),
    ...(code.length === 0
      ? []
      : [`auto_map names ${code.join(", ")}, which transformers runs with trust_remote_code`]),
    ...facts.bases.map(
      (name) =>
        `the adapter of ${JSON.stringify(name)}, which is loaded with it and was not looked at`,
    ),
  ];
  return notes.length === 0
    ? harmless(`${what}: data, which no loader runs`)
    : examined(`${what} with ${notes.join("; and ")}`);
}

/** Everything in a value that loaders act on, without recursion; undefined where there is too much of it. */
function factsOf(root: unknown): Facts | undefined {
  const facts: Facts = {
    templates: [],
    code: [],
    layers: [],
    targets: [],
    dangers: [],
    open: [],
    braced: [],
    files: [],
    bases: [],
    count: 0,
  };
  const pending: unknown[] = [root];
  for (let count = 0; pending.length > 0; count++) {
    if (count > MAX_VALUES) return undefined;
    const value = pending.pop();
    if (typeof value === "string") textOf(value, facts);
    if (Array.isArray(value)) {
      for (const item of value as readonly unknown[]) pending.push(item);
      continue;
    }
    if (!isRecord(value)) continue;
    const entries = Object.entries(value);
    facts.count += entries.length;
    for (const [key, item] of entries) {
      if (key === "chat_template" || key.endsWith(".chat_template")) templatesOf(item, facts);
      if (key === "custom_pipelines") facts.code.push(...implementations(item));
      if (key === "auto_map") facts.code.push(...textsOf(item));
      pending.push(item);
    }
    const { targets, code, open, templates } = importsOf(value);
    facts.targets.push(...targets);
    facts.dangers.push(...code);
    facts.open.push(...open);
    facts.templates.push(...templates);
    facts.files.push(...filesOf(value));
    const base = value["base_model_name_or_path"];
    if ("peft_type" in value && typeof base === "string" && base !== "") facts.bases.push(base);
    const layer = dangerousLayer(value);
    if (layer !== undefined) facts.layers.push(layer);
  }
  return facts;
}

function textOf(text: string, facts: Facts): void {
  if (BLOCK.test(text)) facts.braced.push(text);
  if (MARSHALLED.test(text))
    facts.dangers.push("a text that holds compiled code of Python, as a Lambda layer does");
}

/** One template, or several with names. */
function templatesOf(value: unknown, facts: Facts): void {
  facts.templates.push(...textsOf(value));
}
