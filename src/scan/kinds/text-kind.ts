import type { ByteSource } from "../../tensor/byte-source.ts";
import type { Examination } from "../context.ts";
import { examined, harmless, notUnderstood, type Judgement } from "../judgement.ts";
import { examineJson } from "./json.ts";
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

/** Lines of a .pth by which Python runs what follows, when it starts (Python's site module). */
const SITE_LINE = /^import[ \t]/m;

/** How R's save() and saveRDS() begin as text: reading them evaluates promises. */
const R_TEXT = /^(?:RDA[23]\n)?A\n[23]\n\d+\n/;

/** Largest template and YAML that are looked at, in bytes. */
const MAX_READ_BYTES = 16 * 2 ** 20;

/** Tags of YAML that make its loader build any object of Python. */
const YAML_PYTHON = /!!python\/|tag:yaml\.org,2002:python\/|!<tag:yaml/;

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
  return isYaml ? judgeYaml(text, source.label, context) : judgePlain(text, source.label, context);
}

const PLAIN = "a text that is no pickle, and no program by its name";

/** A text whose name says nothing: a loader that takes it may take it for YAML or for a template. */
function judgePlain(text: string, label: string, context: Examination): Judgement {
  const { name, findings } = context;
  if (/\.pth$/i.test(name) && SITE_LINE.test(text))
    return notUnderstood("a .pth with lines that Python runs when it starts");
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
