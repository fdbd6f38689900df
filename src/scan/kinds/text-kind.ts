import type { ByteSource } from "../../tensor/byte-source.ts";
import type { Examination } from "../context.ts";
import { examined, harmless, notUnderstood, type Judgement } from "../judgement.ts";
import { examineJson } from "./json.ts";
import { judgeTargets, yamlTargets } from "./target.ts";
import { judgeTemplate } from "./template.ts";

/** Texts that some program runs. */
const PROGRAMS =
  /\.(py|pyi|pyw|ipynb|sh|bash|zsh|fish|bat|cmd|ps1|js|mjs|cjs|ts|lua|pl|rb|r|jl|java|c|cc|cpp|cu|cuh|h|hpp|rs|go|php|html?|mk|cmake)$|^(makefile|dockerfile|containerfile|jenkinsfile|justfile)$/i;

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
  if (!isTemplate && !/\.ya?ml$/i.test(name))
    return harmless("a text that is no pickle, and no program by its name");
  if (source.byteLength > MAX_READ_BYTES)
    return notUnderstood(`a text of more than ${MAX_READ_BYTES} bytes`);
  const text = Buffer.from(await source.read(0, source.byteLength)).toString("utf8");
  if (isTemplate) {
    const open = judgeTemplate(text, `${source.label}: the template`, findings);
    return open === undefined
      ? examined("a template of Jinja: a program that stays in its sandbox")
      : notUnderstood(open);
  }
  return judgeYaml(text, source.label, context);
}

function judgeYaml(text: string, label: string, { findings }: Examination): Judgement {
  const tag = YAML_PYTHON.exec(text)?.[0];
  if (tag !== undefined) {
    findings.reason("WB5002", `${label}: YAML with the tag ${JSON.stringify(tag)}`);
    return examined("YAML");
  }
  if (YAML_HIDDEN.test(text)) return notUnderstood("YAML with tags that are spelled by escapes");
  const targets = yamlTargets(text);
  if (targets === undefined) return notUnderstood("YAML whose _target_ is spelled in an odd way");
  const target = judgeTargets(targets, label, findings);
  if (target !== undefined)
    return notUnderstood(`YAML whose _target_ names ${target}, which a loader would call`);
  return targets.length === 0
    ? harmless("YAML without tags of Python")
    : examined("YAML whose _target_ names classes of known libraries");
}
