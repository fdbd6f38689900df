import type { Findings } from "../findings.ts";

/** Modules of classes that published configurations name; none of them runs what it is given. */
const KNOWN =
  /^(?:nemo\.(?:collections|core|utils)|torch\.(?:nn|optim)|(?:pytorch_)?lightning|transformers|diffusers|megatron\.core)\.[\w.]*[A-Z]\w*$/;

/** Modules that run commands or code, or open what they are told to. */
const RUNS =
  /^(?:builtins|__builtin__|os|posix|nt|subprocess|sys|runpy|importlib|pty|socket|shutil|ctypes|pickle|_pickle|dill|joblib|code|codeop|marshal|types|operator|functools|webbrowser|platform|asyncio|multiprocessing|timeit|pdb|bdb|cProfile|profile|commands|nt|pydoc|pip|urllib|requests|http|ftplib)(?:\.|$)/;

/**
 * Judges what Hydra would import and call (`_target_`, hydra 1.3 `instantiate`): what runs code is a reason, what is not known is
 * told. Gives the first that is not known.
 */
export function judgeTargets(
  targets: readonly string[],
  label: string,
  findings: Findings,
): string | undefined {
  for (const target of targets.filter((name) => RUNS.test(name.trim())))
    findings.reason("WB5002", `${label}: _target_ names ${JSON.stringify(target)}`);
  return targets.find((name) => !RUNS.test(name.trim()) && !KNOWN.test(name.trim()));
}

/** A key of YAML and its plain or quoted value on one line. */
const YAML_TARGET =
  /(?:^|[\s{,])(["']?)_target_\1[ \t]*:[ \t]+(["']?)([\w.]+)\2[ \t]*(?=[\r\n,}#]|$)/g;

/** Names in a text of YAML behind `_target_`; undefined where one is spelled in a way that is not read here. */
export function yamlTargets(text: string): readonly string[] | undefined {
  const found = [...text.matchAll(YAML_TARGET)].map(([, , , name = ""]) => name);
  const isHidden = /\\(?:x5f|u005f|U0000005f|\r?\n)/i.test(text);
  return !isHidden && found.length === text.split("_target_").length - 1 ? found : undefined;
}
