import type { Examination } from "../context.ts";
import { examined, harmless, notUnderstood, type Judgement } from "../judgement.ts";
import { judgeTargets } from "./target.ts";
import { judgeBraced } from "./template.ts";
import { hasOtherTag, tagTargets } from "./yaml-tags.ts";
import { yamlTargets } from "./yaml-targets.ts";

/** Tags of YAML that make its loader build any object of Python. */
const YAML_PYTHON = /!!python\/|tag:yaml\.org,2002:python\/|!<tag:yaml/;

/** A layer that holds code, in the YAML that Keras wrote before 2.6. */
const KERAS_YAML =
  /["']?\bclass_name["']?[ \t]*:[ \t]*(?:[&!]\S*[ \t]+)*["']?(?:Lambda|__lambda__)\b/;

/** What ends a line of YAML 1.1 beside a newline. */
const LINE_ENDS = /[\u0085\u2028\u2029]/g;

/** Tags with escapes, and prefixes of a file's own: any tag may be behind them. */
const YAML_HIDDEN = /(?:^|[\s,[{:-])![^\s]*%[0-9a-f]{2}|(?:^|\s)%TAG\s/im;

/** Judges YAML by what its loaders build, import, call or render. */
export function judgeYaml(raw: string, label: string, { findings }: Examination): Judgement {
  const text = raw.replaceAll(LINE_ENDS, "\n");
  const tag = YAML_PYTHON.exec(text)?.[0];
  if (tag !== undefined) {
    findings.reason("WB5002", `${label}: YAML with the tag ${JSON.stringify(tag)}`);
    return examined("YAML");
  }
  const layer = KERAS_YAML.exec(text)?.[0];
  if (layer !== undefined)
    findings.reason("WB5002", `${label}: YAML of Keras with ${JSON.stringify(layer.trim())}`);
  const open = judgeBraced(text, label, findings);
  if (YAML_HIDDEN.test(text)) return notUnderstood("YAML with tags that are spelled by escapes");
  const other = hasOtherTag(text);
  if (other !== undefined)
    return notUnderstood(`YAML with the tag ${other}, by which its own loader builds objects`);
  const named = yamlTargets(text);
  if (named === undefined)
    return notUnderstood("YAML whose _target_ or class_path is spelled in an odd way");
  const targets = [...named, ...tagTargets(text)];
  const target = judgeTargets(targets, label, findings);
  if (target !== undefined)
    return notUnderstood(
      `YAML whose ${target.key} names ${target.name}, which a loader would import`,
    );
  if (open !== undefined) return notUnderstood(`YAML with ${open}`);
  return targets.length === 0
    ? harmless("YAML without tags of Python")
    : examined("YAML whose classes were judged by their names");
}
