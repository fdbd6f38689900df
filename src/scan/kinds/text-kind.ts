import type { ByteSource } from "../../tensor/byte-source.ts";
import type { Examination } from "../context.ts";
import { examined, harmless, notUnderstood, type Judgement } from "../judgement.ts";
import { findInText } from "../pickle/nested.ts";
import { examineJson, judgeJson } from "./json.ts";
import { parsePythonJson } from "./python-json.ts";
import { judgeLargeText } from "./large-text.ts";
import { BLOCK, judgeBraced, judgeTemplate } from "./template.ts";
import { judgeYaml } from "./yaml.ts";

/** Texts that some program runs. */
const PROGRAMS =
  /\.(py|pyi|pyw|pyx|pxd|ipynb|sh|bash|zsh|fish|csh|ksh|command|bat|cmd|ps1|psm1|vbs|vbe|wsf|hta|js|mjs|cjs|ts|lua|pl|rb|r|jl|java|kt|kts|scala|groovy|gradle|clj|c|cc|cpp|cu|cuh|h|hpp|m|mm|rs|go|swift|zig|nim|hs|ml|erl|exs?|tcl|awk|php|html?|mk|cmake|gin|jsonnet|libsonnet|desktop|service)$|^(makefile|mlproject|procfile|dockerfile|containerfile|jenkinsfile|justfile|pyproject\.toml|setup\.cfg)$/i;

/** Texts for people, which may tell of tags and templates, and which no loader takes. */
const FOR_PEOPLE =
  /\.(md|rst|tex|bib|cff|log|csv|tsv)$|^(readme|licen[cs]e|notice|authors|changelog|citation)(\.txt)?$/i;

/** Lists of words and records, which are read line by line and mean nothing else. */
const RECORDS = /\.(?:jsonl|ndjson)$|^(?:vocab|merges|words|tokens|dict)\.txt$/i;

/** What of a text under any name is YAML that builds objects, imports or calls. */
const YAML_LIKE =
  /!!python\/|tag:yaml\.org,2002:python|!(?:new|name|apply|module):|%TAG\s|_target_|_component_|\bloader_module\b/;

/** The same, or a template. */
const SUSPECT = new RegExp(`${YAML_LIKE.source}|${BLOCK.source}`);

/** What Git keeps in the place of a large file (git-lfs, docs/spec.md). */
const LFS_POINTER =
  /^version https:\/\/git-lfs\.github\.com\/spec\/v\d+\r?\n(?:.*\r?\n)*oid sha256:/;
const MAX_POINTER_UNITS = 1024;

/** Graphs as text: of TensorFlow (also a whole SavedModel), ONNX and Caffe by the fields that hold operators, and of OpenVINO. */
const GRAPH_NAMES = /\.(?:pbtxt|prototxt|textproto|txtpb|onnxtxt)$/i;
const GRAPH_WORDS = ["meta_graphs", "node", "library", "graph", "graph_def", "layer", "layers"];
const GRAPH_FIELDS = new RegExp(`\\b(?:${GRAPH_WORDS.join("|")})\\b`);
const OPENVINO = /<net[\s>]/;

/** Settings as TOML, or as Python's configparser reads them; its logging evaluates `args` (logging.config.fileConfig). */
const SETTINGS = /\.(?:toml|ini|cfg|conf|properties)$/i;
const LOGGING = /^\[(?:handler|formatter|logger)_\w+\]/m;
const COMMAND =
  /[=:][ \t]*["']?(?:builtins|os|posix|subprocess|runpy|importlib|pty|ctypes|shutil|pickle)\.[A-Za-z_]\w*["']?[ \t]*(?:[\r\n,}#]|$)/m;

/** Lines of a .pth by which Python runs what follows, when it starts (Python's site module). */
const SITE_LINE = /^import[ \t]/m;

/**
 * How R's save() and saveRDS() begin as text: reading them evaluates promises. load() takes text behind the marks of the binary
 * forms, too.
 */
const R_TEXT = /^(?:RD[ABX][23]\n)?A\n[23]\n\d+\n/;

/** XML that says what a name stands for: another file, where its reader follows it. */
const ENTITY = /<!ENTITY\s/;

/** Largest template and YAML that are looked at, in bytes. */
const MAX_READ_BYTES = 16 * 2 ** 20;

/** Judges a text by its name, and by what its kind may hold. */
export async function judgeText(source: ByteSource, context: Examination): Promise<Judgement> {
  const { name, findings } = context;
  if (PROGRAMS.test(name)) return notUnderstood("the text of a program, which scan does not judge");
  if (/\.json$/i.test(name)) return examineJson(source, context);
  const isTemplate = /\.(jinja2?|j2)$/i.test(name);
  const isYaml = /\.ya?ml$/i.test(name);
  if (source.byteLength > MAX_READ_BYTES) {
    if (isTemplate || isYaml || NAMED_KINDS.test(name))
      return notUnderstood(`a text of more than ${MAX_READ_BYTES} bytes`);
    return isForPeople(name) ? harmless(PLAIN) : judgeLargeText(source, SUSPECT, PLAIN);
  }
  const text = Buffer.from(await source.read(0, source.byteLength)).toString("utf8");
  if (isTemplate) {
    const open = judgeTemplate(text, `${source.label}: the template`, findings);
    return open === undefined
      ? examined("a template of Jinja: a program that stays in its sandbox")
      : notUnderstood(open);
  }
  if (isYaml) return judgeYaml(text, source.label, context);
  if (text.length <= MAX_POINTER_UNITS && LFS_POINTER.test(text))
    return notUnderstood("a pointer of Git LFS: the file that it stands for is not here");
  if (isForPeople(name)) return harmless(PLAIN);
  if (!(await findInText(source, findings, context.signal)))
    return notUnderstood(
      "a text with more lines that read as imports of a pickle than are followed",
    );
  const other = judgeOtherJson(text, source.label, context);
  return other ?? judgePlain(text, source.label, context);
}

/** JSON whose name does not say so, such as an architecture of Keras; undefined where it is none, or does nothing. */
function judgeOtherJson(text: string, label: string, context: Examination): Judgement | undefined {
  if (!/^\s*[[{]/.test(text)) return undefined;
  const root = parsePythonJson(text);
  if (root === undefined) return undefined;
  const judgement = judgeJson({ text, root }, "JSON under another name", label, context);
  return judgement.state === "harmless" ? undefined : judgement;
}

const PLAIN = "a text that is no pickle, and no program by its name";

const isForPeople = (name: string): boolean => FOR_PEOPLE.test(name) || RECORDS.test(name);

/** Names of texts that are judged by more than what any text may hold. */
const NAMED_KINDS = /\.(?:pth|xml|pbtxt|prototxt|textproto|txtpb|onnxtxt)$/i;

/** A text whose name says nothing: a loader that takes it may take it for YAML or for a template. */
function judgePlain(text: string, label: string, context: Examination): Judgement {
  const { name, findings } = context;
  if (/\.pth$/i.test(name) && SITE_LINE.test(text))
    return notUnderstood("a .pth with lines that Python runs when it starts");
  if (GRAPH_NAMES.test(name) && GRAPH_FIELDS.test(text))
    return notUnderstood("a graph of operators as text, which scan does not read");
  if (/\.xml$/i.test(name) && OPENVINO.test(text))
    return notUnderstood("a graph of OpenVINO, which scan does not read");
  if (SETTINGS.test(name) && (LOGGING.test(text) || COMMAND.test(text)))
    return notUnderstood("settings that name what runs commands, or arguments that are evaluated");
  if (ENTITY.test(text))
    return notUnderstood("XML with entities of its own, which may stand for other files");
  if (R_TEXT.test(text)) return notUnderstood("what R saved as text, which may hold code");
  if (YAML_LIKE.test(text)) return judgeYaml(text, label, context);
  const open = judgeBraced(text, label, findings);
  return open === undefined ? harmless(PLAIN) : notUnderstood(open);
}
