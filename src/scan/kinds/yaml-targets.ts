import { IS_COMMAND, type Target } from "./target.ts";

/** A key of YAML that is imported by, and its plain or quoted value on one line. JSON, which YAML holds, needs no blank between. */
const YAML_TARGET =
  /(?:^|[\s{,])(["']?)(_target_|_component_|class_path|target|loader_module|\(\))\1[ \t]*:(?:[ \t]+|(?=["'])|(?<=["'][ \t]*:))(["']?)([\w.]+)\3[ \t]*(?=[\r\n,}#]|$)/g;

/** Keys that no other meaning is known of: each must be read. */
const ONE_MEANING = /_target_|_component_|\bclass_path\b/g;

/** A key with an escape in it may be any. */
const ESCAPED_KEY =
  /\\\r?\n|"(?:[^"\\\r\n]|\\.){0,80}\\[xuU][0-9a-fA-F](?:[^"\\]|\\.){0,80}"[ \t]*:/;

/** A target whose value is an alias, has an anchor or a tag, is folded, has escapes, or is a single name on a line of its own. */
const ODD_TARGET =
  /(?:^|[\s{,?])(["']?)(?:target|\(\))\1[ \t]*(?:\r?\n[ \t]*)?:[ \t]*(?:[*&!|>]|"[^"\r\n]*\\|(?:#[^\r\n]*)?\r?\n(?:[ \t]*(?:#[^\r\n]*)?\r?\n)*[ \t]+["']?[A-Za-z_]\w*(?:\.\w+)+["']?[ \t]*(?:[\r\n#]|$))|\?[ \t]+["']?(?:target|\(\))["']?[ \t]*(?:[\r\n#]|$)/;

/** The class of a layer by an alias, which may stand for any. */
const ODD_CLASS = /\bclass_name["']?[ \t]*:[ \t]*\*/;

/** The block and the name of a pipeline of pyannote, whose class is imported and called (pyannote.audio 3.3, core/pipeline.py). */
const PIPELINE_BLOCK = /^[ \t]*["']?pipeline["']?[ \t]*:/m;
const PIPELINE_NAME =
  /(?:^|[\s{,])["']?name["']?[ \t]*:[ \t]+(["']?)([A-Za-z_]\w*(?:\.\w+)+)\1[ \t]*(?=[\r\n,}#]|$)/g;

/** Any key with one name as its value: what runs commands is told under whatever key. */
const ANY_NAME =
  /(?:^|[\s{,])["']?([\w.()-]+)["']?[ \t]*:(?:[ \t]+|(?=["'])|(?<=["'][ \t]*:))(?:[&!]\S*[ \t]+)?(["']?)([A-Za-z_]\w*(?:[.:]\w+)+)\2[ \t]*(?=[\r\n,}#]|$)/g;

/** What a text of YAML makes loaders import; undefined where one is spelled in a way that is not read here. */
export function yamlTargets(text: string): readonly Target[] | undefined {
  const found = [...text.matchAll(YAML_TARGET)].map(([, , key = "", , name = ""]) => ({
    key,
    name,
  }));
  const isHidden = ESCAPED_KEY.test(text) || ODD_TARGET.test(text) || ODD_CLASS.test(text);
  const read = found.filter(({ key }) => /^_|^class_path$/.test(key)).length;
  if (isHidden || read !== [...text.matchAll(ONE_MEANING)].length) return undefined;
  const pipelines = PIPELINE_BLOCK.test(text) ? [...text.matchAll(PIPELINE_NAME)] : [];
  const commands = [...text.matchAll(ANY_NAME)].filter(([, , , name = ""]) =>
    IS_COMMAND.test(name),
  );
  return [
    ...found.filter(({ key, name }) => key !== "target" || name.includes(".")),
    ...pipelines.map(([, , name = ""]) => ({ key: "a pipeline's name", name })),
    ...commands.map(([, key = "", , name = ""]) => ({ key, name })),
  ];
}
