import type { ByteSource } from "../../tensor/byte-source.ts";
import type { Examination } from "../context.ts";
import { examined, harmless, notUnderstood, type Judgement } from "../judgement.ts";
import { findNested } from "../pickle/nested.ts";
import { examineJson, judgeJson } from "./json.ts";
import { parsePythonJson } from "./python-json.ts";
import { judgeTargets, yamlTargets } from "./target.ts";
import { judgeTemplate, reportEscape } from "./template.ts";

/** Texts that some program runs. */
const PROGRAMS =
  /\.(py|pyi|pyw|pyx|pxd|ipynb|sh|bash|zsh|fish|csh|ksh|command|bat|cmd|ps1|psm1|vbs|vbe|wsf|hta|js|mjs|cjs|ts|lua|pl|rb|r|jl|java|kt|kts|scala|groovy|gradle|clj|c|cc|cpp|cu|cuh|h|hpp|m|mm|rs|go|swift|zig|nim|hs|ml|erl|exs?|tcl|awk|php|html?|mk|cmake|gin|jsonnet|libsonnet|desktop|service)$|^(makefile|dockerfile|containerfile|jenkinsfile|justfile|pyproject\.toml|setup\.cfg)$/i;

/** Texts for people, which may tell of tags and templates, and which no loader takes. */
const FOR_PEOPLE =
  /\.(md|rst|tex|bib|cff|log|csv|tsv)$|^(readme|licen[cs]e|notice|authors|changelog|citation)(\.txt)?$/i;

/** What of a text under any name is YAML that builds objects, or a template. */
const SUSPECT = /!!python\/|tag:yaml\.org,2002:python|_target_|_component_|\{[{%]/;

/** Graphs as text: of TensorFlow (also a whole SavedModel), ONNX and Caffe by the fields that hold operators, and of OpenVINO. */
const GRAPH_NAMES = /\.(?:pbtxt|prototxt|textproto|txtpb|onnxtxt)$/i;
const GRAPH_WORDS = ["meta_graphs", "node", "library", "graph", "graph_def", "layer", "layers"];
const GRAPH_FIELDS = new RegExp(`\\b(?:${GRAPH_WORDS.join("|")})\\b`);
const OPENVINO = /<net[\s>]/;

/** Largest JSON under another name that is parsed, in characters. */
const MAX_JSON_UNITS = 2 ** 24;

/** Lines of a .pth by which Python runs what follows, when it starts (Python's site module). */
const SITE_LINE = /^import[ \t]/m;

/** How R's save() and saveRDS() begin as text: reading them evaluates promises. */
const R_TEXT = /^(?:RDA[23]\n)?A\n[23]\n\d+\n/;

/** Largest template and YAML that are looked at, in bytes. */
const MAX_READ_BYTES = 16 * 2 ** 20;

/** Tags of YAML that make its loader build any object of Python. */
const YAML_PYTHON = /!!python\/|tag:yaml\.org,2002:python\/|!<tag:yaml/;

/** A layer that holds code, in the YAML that Keras wrote before 2.6. */
const KERAS_YAML = /["']?\bclass_name["']?[ \t]*:[ \t]*["']?(?:Lambda|__lambda__)\b/;

/** Tags with escapes, and prefixes of a file's own: any tag may be behind them. */
const YAML_HIDDEN = /(?:^|[\s,[{:-])![^\s]*%[0-9a-f]{2}|^%TAG\s/im;

/** Judges a text by its name, and by what its kind may hold. */
export async function judgeText(source: ByteSource, context: Examination): Promise<Judgement> {
  const { name, findings } = context;
  if (PROGRAMS.test(name)) return notUnderstood("the text of a program, which scan does not judge");
  if (/\.json$/i.test(name)) return examineJson(source, context);
  const isTemplate = /\.(jinja2?|j2)$/i.test(name);
  const isYaml = /\.ya?ml$/i.test(name);
  if (source.byteLength > MAX_READ_BYTES)
    return isTemplate || isYaml
      ? notUnderstood(`a text of more than ${MAX_READ_BYTES} bytes`)
      : harmless(PLAIN);
  const text = Buffer.from(await source.read(0, source.byteLength)).toString("utf8");
  if (isTemplate) {
    const open = judgeTemplate(text, `${source.label}: the template`, findings);
    return open === undefined
      ? examined("a template of Jinja: a program that stays in its sandbox")
      : notUnderstood(open);
  }
  if (isYaml) return judgeYaml(text, source.label, context);
  const other = await judgeOtherJson(text, source, context);
  return other ?? judgePlain(text, source.label, context);
}

/** JSON whose name does not say so, such as an architecture of Keras; undefined where it is none, or does nothing. */
async function judgeOtherJson(
  text: string,
  source: ByteSource,
  context: Examination,
): Promise<Judgement | undefined> {
  if (FOR_PEOPLE.test(context.name) || !/^\s*[[{]/.test(text) || text.length > MAX_JSON_UNITS)
    return undefined;
  const root = parsePythonJson(text);
  if (root === undefined) return undefined;
  await findNested(source, context.findings, context.signal);
  const judgement = judgeJson({ text, root }, "JSON under another name", source.label, context);
  return judgement.state === "harmless" ? undefined : judgement;
}

const PLAIN = "a text that is no pickle, and no program by its name";

/** A text whose name says nothing: a loader that takes it may take it for YAML or for a template. */
function judgePlain(text: string, label: string, context: Examination): Judgement {
  const { name, findings } = context;
  if (/\.pth$/i.test(name) && SITE_LINE.test(text))
    return notUnderstood("a .pth with lines that Python runs when it starts");
  if (GRAPH_NAMES.test(name) && GRAPH_FIELDS.test(text))
    return notUnderstood("a graph of operators as text, which scan does not read");
  if (/\.xml$/i.test(name) && OPENVINO.test(text))
    return notUnderstood("a graph of OpenVINO, which scan does not read");
  if (R_TEXT.test(text)) return notUnderstood("what R saved as text, which may hold code");
  if (FOR_PEOPLE.test(name) || !SUSPECT.test(text)) return harmless(PLAIN);
  reportEscape(text, label, findings);
  if (/!!python\/|tag:yaml\.org,2002:python|_target_|_component_/.test(text))
    return judgeYaml(text, label, context);
  return harmless(PLAIN);
}

function judgeYaml(text: string, label: string, { findings }: Examination): Judgement {
  const tag = YAML_PYTHON.exec(text)?.[0];
  if (tag !== undefined) {
    findings.reason("WB5002", `${label}: YAML with the tag ${JSON.stringify(tag)}`);
    return examined("YAML");
  }
  const layer = KERAS_YAML.exec(text)?.[0];
  if (layer !== undefined)
    findings.reason("WB5002", `${label}: YAML of Keras with ${JSON.stringify(layer.trim())}`);
  if (YAML_HIDDEN.test(text)) return notUnderstood("YAML with tags that are spelled by escapes");
  const targets = yamlTargets(text);
  if (targets === undefined)
    return notUnderstood("YAML whose _target_ or class_path is spelled in an odd way");
  const target = judgeTargets(targets, label, findings);
  if (target !== undefined)
    return notUnderstood(
      `YAML whose ${target.key} names ${target.name}, which a loader would import`,
    );
  return targets.length === 0
    ? harmless("YAML without tags of Python")
    : examined("YAML that names classes of known libraries alone");
}
