import type { Findings } from "../findings.ts";

/** A name that a loader imports. */
export interface Target {
  /** Key that names it. */
  readonly key: string;
  readonly name: string;
}

/** Modules of classes that published configurations name; none of them runs what it is given. */
const KNOWN =
  /^torch\.manual_seed$|^(?:nemo\.(?:collections|core|utils)|torch\.(?:nn|optim)|(?:pytorch_)?lightning|transformers|diffusers|megatron\.core|sentence_transformers|peft|timm|ldm|sgm|onnxruntime|optimum|pyannote|speechbrain|torchaudio|mlflow)(?:\.[\w.]*[A-Z]\w*|(?:\.[a-z_]\w*)*)$|^torchtune\.[\w.]+$/;

/** Pipelines of diffusers itself, which a part may name as its library. */
const PIPELINES =
  /^(?:stable_diffusion\w*|paint_by_example|latent_diffusion|kandinsky\w*|deepfloyd_if|unidiffuser|audioldm\w*|wuerstchen|versatile_diffusion|alt_diffusion|unclip|shap_e|blip_diffusion|hunyuan\w*|ledits_pp|flux|lumina\w*|cogvideo|pixart_\w+|kolors|controlnet\w*|stable_cascade|musicldm|semantic_stable_diffusion|k_diffusion\w*)\.[A-Z]\w*$/;

/** Modules that run commands or code, or open what they are told to. */
const RUNS =
  /^(?:builtins|__builtin__|os|posix|nt|subprocess|sys|runpy|importlib|pty|socket|shutil|ctypes|pickle|_pickle|dill|joblib|code|codeop|marshal|types|operator|functools|webbrowser|platform|asyncio|multiprocessing|timeit|pdb|bdb|cProfile|profile|commands|nt|pydoc|pip|urllib|requests|http|ftplib)(?:\.|$)/;

/** A name that runs commands or code, or imports, under whatever key it stands: no file of weights has a use for one. */
export const IS_COMMAND =
  /^(?:builtins|__builtin__|os|posix|nt|subprocess|runpy|importlib|pty|ctypes|shutil|pickle|_pickle|dill|marshal|socket|webbrowser|pdb|timeit|commands)[.:](?!path$)[A-Za-z_]\w*(?:\.\w+)*$/;

/** A module of Python that runs what it is given, by way of another that imports it: transformers.utils.hub.os. */
const BY_WAY_OF =
  /\.(?:builtins|os|posix|nt|subprocess|sys|runpy|importlib|pty|socket|shutil|ctypes|_?pickle|marshal)(?:\.|$)/;

/** The same of modules that only some functions of run something. */
const BY_WAY_OF_OTHERS =
  /\.(?:operator|functools|pathlib|tempfile|urllib|requests|inspect|multiprocessing|copyreg|codecs|zipfile|tarfile)\./;

/** What loads, fetches, runs or imports by its name, in whatever library; and what a library keeps to itself. */
const LOADS =
  /(?:^|\.)(?:_\w*|(?:un)?load\w*|run\w*|exec\w*|eval\w*|call\w*|from_(?:pretrained|single_file|hub|hparams)|\w*download\w*|cached_\w+|import\w*|get_(?:class|obj|attr|file)\w*|instantiate\w*|locate\w*|hydra\w*|system|shell\w*|popen\w*)$/i;

const isKnown = (name: string): boolean =>
  PIPELINES.test(name) || (KNOWN.test(name) && !LOADS.test(name) && !BY_WAY_OF_OTHERS.test(name));

/** Whether a name is of a module that runs what it is given. */
export const runsCode = (name: string): boolean =>
  RUNS.test(name.trim()) || BY_WAY_OF.test(name.trim());

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
  return targets.find(({ name }) => !runsCode(name) && !isKnown(name));
}
