import type { Findings } from "../findings.ts";

/** A name that a loader imports. */
export interface Target {
  /** Key that names it. */
  readonly key: string;
  readonly name: string;
}

/** Modules of classes that published configurations name; none of them runs what it is given. */
const KNOWN =
  /^(?:nemo\.(?:collections|core|utils)|torch\.(?:nn|optim)|(?:pytorch_)?lightning|transformers|diffusers|megatron\.core|sentence_transformers|peft|timm|ldm|sgm|onnxruntime|optimum|pyannote)(?:\.[\w.]*[A-Z]\w*|(?:\.[a-z_]\w*)*)$|^torchtune\.[\w.]+$/;

/** Pipelines of diffusers itself, which a part may name as its library. */
const PIPELINES =
  /^(?:stable_diffusion\w*|paint_by_example|latent_diffusion|kandinsky\w*|deepfloyd_if|unidiffuser|audioldm\w*|wuerstchen|versatile_diffusion|alt_diffusion|unclip|shap_e|blip_diffusion|hunyuan\w*|ledits_pp|flux|lumina\w*|cogvideo|pixart_\w+|kolors|controlnet\w*|stable_cascade|musicldm|semantic_stable_diffusion|k_diffusion\w*)\.[A-Z]\w*$/;

/** Modules that run commands or code, or open what they are told to. */
const RUNS =
  /^(?:builtins|__builtin__|os|posix|nt|subprocess|sys|runpy|importlib|pty|socket|shutil|ctypes|pickle|_pickle|dill|joblib|code|codeop|marshal|types|operator|functools|webbrowser|platform|asyncio|multiprocessing|timeit|pdb|bdb|cProfile|profile|commands|nt|pydoc|pip|urllib|requests|http|ftplib)(?:\.|$)/;

/** Whether a name is of a module that runs what it is given. */
export const runsCode = (name: string): boolean => RUNS.test(name.trim());

/**
 * Judges what a loader would import, and call, by a configuration (`_target_`: hydra 1.3, `instantiate`): what runs code is a reason,
 * what is not known is told. Gives the first that is not known.
 */
export function judgeTargets(
  targets: readonly Target[],
  label: string,
  findings: Findings,
): Target | undefined {
  for (const { key, name } of targets.filter((target) => runsCode(target.name)))
    findings.reason("WB5002", `${label}: ${key} names ${JSON.stringify(name)}`);
  return targets.find(({ name }) => !runsCode(name) && !KNOWN.test(name) && !PIPELINES.test(name));
}

/** A key of YAML that is imported by, and its plain or quoted value on one line. */
const YAML_TARGET =
  /(?:^|[\s{,])(["']?)(_target_|_component_|class_path|target|loader_module)\1[ \t]*:[ \t]+(["']?)([\w.]+)\3[ \t]*(?=[\r\n,}#]|$)/g;

/** Keys that no other meaning is known of: each must be read. */
const ONE_MEANING = /_target_|_component_|\bclass_path\b/g;

/** The block and the name of a pipeline of pyannote, whose class is imported and called (pyannote.audio 3.3, core/pipeline.py). */
const PIPELINE_BLOCK = /^[ \t]*["']?pipeline["']?[ \t]*:/m;
const PIPELINE_NAME =
  /(?:^|[\s{,])["']?name["']?[ \t]*:[ \t]+(["']?)([A-Za-z_]\w*(?:\.\w+)+)\1[ \t]*(?=[\r\n,}#]|$)/g;

/** What a text of YAML makes loaders import; undefined where one is spelled in a way that is not read here. */
export function yamlTargets(text: string): readonly Target[] | undefined {
  const found = [...text.matchAll(YAML_TARGET)].map(([, , key = "", , name = ""]) => ({
    key,
    name,
  }));
  const isHidden = /\\(?:x5f|u005f|U0000005f|\r?\n)/i.test(text);
  const read = found.filter(({ key }) => key !== "target" && key !== "loader_module").length;
  if (isHidden || read !== [...text.matchAll(ONE_MEANING)].length) return undefined;
  const pipelines = PIPELINE_BLOCK.test(text) ? [...text.matchAll(PIPELINE_NAME)] : [];
  return [
    ...found.filter(({ key, name }) => key !== "target" || name.includes(".")),
    ...pipelines.map(([, , name = ""]) => ({ key: "a pipeline's name", name })),
  ];
}
