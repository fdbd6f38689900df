import { IS_COMMAND, runsCode, type Target } from "./target.ts";

/** What an object of a configuration makes a loader import, run or fetch. */
export interface Imports {
  /** Names that a loader imports, and calls or asks for more. */
  readonly targets: readonly Target[];
  /** What is code, in words. */
  readonly code: readonly string[];
  /** What is not understood, in words. */
  readonly open: readonly string[];
  /** Templates of Jinja under names of their own. */
  readonly templates: readonly string[];
}

type Fields = Readonly<Record<string, unknown>>;
type Found = { -readonly [key in keyof Imports]: Imports[key][number][] };

/**
 * Keys whose text is imported: of Hydra, torchtune (`_component_`), Lightning's command line (`class_path`), latent diffusion's
 * configurations (`target`), MLflow (`loader_module`), Python's own logging (`()`) and PEFT (`parent_library` of an `auto_mapping`).
 */
const IMPORTING: ReadonlySet<string> = new Set(
  "_target_ _component_ class_path target loader_module parent_library ()".split(" "),
);

/** Keys of what people say or a tokenizer splits: a command there is a word. */
const WORDS: ReadonlySet<string> = new Set(["content", "text", "token", "word", "description"]);

/** Keys whose value is imported by loaders of nobody's, and those of what is then taken of it. */
const MODULES: readonly string[] = ["module", "package", "module_name"];
/** How Keras names one of its own functions, whose name is in the configuration. */
const OF_KERAS = "builtins.function";
const TAKEN: readonly string[] = ["class", "class_name", "name", "function", "func", "attr"];

/** Keys that name a kernel; transformers fetches and runs it from a repository, where the name has a slash. */
const KERNELS = /^_?(?:attn|experts)_implementation(?:_internal)?$/;

/** Arguments that sentence-transformers passes on to transformers (5.1, sentence_bert_config.json). */
const PASSED_ON = /^(?:model|tokenizer|processor|config)_(?:args|kwargs)$/;

/** What skops names of libraries whose objects hold numbers and settings, and of Python's own containers. */
const HELD =
  /^(?:(?:sklearn|scipy|lightgbm|xgboost|catboost|quantile_forest)\.[\w.]*[A-Z]\w*|numpy\.(?:\w+\.)*(?:ndarray|dtype|Generator|RandomState|[a-z]+\d+|bool_?)|builtins\.(?:dict|list|tuple|set|frozenset|str|int|float|bool|bytes|bytearray|complex|NoneType|slice)|collections\.(?:OrderedDict|defaultdict|deque))$/;

const DOTTED = /^\s*[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+\s*$/;
const ONE_NAME = /^\s*[A-Za-z_]\w*\s*$/;

/** Everything that loaders are known to import or run because of one object of JSON or YAML. */
export function importsOf(value: Fields): Imports {
  const found: Found = { targets: [], code: [], open: [], templates: [] };
  for (const [key, item] of Object.entries(value)) {
    // A target without parameters is mostly a place or a device.
    const isOther = key === "target" && !("params" in value) && !textsOf(item).some(runsCode);
    if (IMPORTING.has(key) && !isOther) named(key, item, found);
    if (typeof item === "string" && !WORDS.has(key) && IS_COMMAND.test(item))
      found.targets.push({ key, name: item });
    // mmengine 0.10, config.py.
    if (key === "custom_imports")
      found.open.push(`custom_imports names ${textsOf(item).join(", ")}, which mmengine imports`);
    if (key.startsWith("py/")) found.code.push(`${key}, by which jsonpickle imports and calls`);
    if (KERNELS.test(key))
      for (const name of textsOf(item))
        if (name.includes("/"))
          found.open.push(`${key} names ${name}, a kernel that transformers fetches and runs`);
    if (PASSED_ON.test(key) && isRecord(item) && item["trust_remote_code"] === true)
      found.open.push(`${key} ask for trust_remote_code, which runs code of a repository`);
    if (key === "expr_str" && typeof item === "string" && !isExpression(item))
      found.code.push(`the expression ${JSON.stringify(item.slice(0, 60))}, which sympy evaluates`);
  }
  if (isRecord(value["graph_module"]))
    found.open.push("a program of torch.export, whose expressions torch evaluates by sympy");
  if (typeof value["lc"] === "number" && value["type"] === "constructor")
    found.open.push("an object of LangChain, whose class its loader imports");
  const [module, taken] = [MODULES, TAKEN].map((keys) =>
    keys.map((key) => value[key]).find((item) => typeof item === "string"),
  );
  const name = `${String(module)}.${String(taken)}`;
  if (IS_COMMAND.test(name) && name !== OF_KERAS) found.targets.push({ key: "module", name });
  // skops 0.13, schema.json.
  const [held, of] = [value["__class__"], value["__module__"]];
  if (typeof held === "string" && typeof of === "string" && !HELD.test(`${of}.${held}`))
    found.targets.push({ key: "__module__", name: `${of}.${held}` });
  // zarr 2, .zarray.
  if (Array.isArray(value["filters"]) && "zarr_format" in value)
    for (const filter of value["filters"] as readonly unknown[])
      if (isRecord(filter) && filter["id"] === "pickle")
        found.open.push("an array of zarr that holds pickles");
  // sentence-transformers: modules.json.
  if ("idx" in value && "path" in value) named("type", value["type"], found);
  if ("_diffusers_version" in value || "_class_name" in value) pipeline(value, found);
  if (value["template_format"] === "jinja2") found.templates.push(...textsOf(value["template"]));
  return found;
}

/** A name with dots; one without, such as the target "cpu", is a module where the key says so. */
function named(key: string, item: unknown, found: Found): void {
  const isModule = key === "_target_" || key === "loader_module" || key === "parent_library";
  for (const name of textsOf(item))
    if (DOTTED.test(name) || (isModule && (ONE_NAME.test(name) || key === "_target_")))
      found.targets.push({ key, name: name.trim() });
}

/** diffusers imports the library that each part of a pipeline names: [library, class]. */
function pipeline(value: Fields, found: Found): void {
  for (const [key, item] of Object.entries(value)) {
    // A modular pipeline has a third: where the part is loaded from (diffusers 0.35, modular_model_index.json).
    if (!Array.isArray(item) || (item.length !== 2 && item.length !== 3)) continue;
    const [library, name, from] = item as readonly unknown[];
    const place = isRecord(from) ? (from["pretrained_model_name_or_path"] ?? from["repo"]) : "";
    if (typeof place === "string" && place !== "")
      found.open.push(`${key} is loaded from ${JSON.stringify(place)}, which was not looked at`);
    if (typeof library === "string" && typeof name === "string")
      found.targets.push({ key, name: `${library}.${name}` });
  }
}

/** Calls of sympy's own classes with numbers and names, as torch.export writes them (sympy 1.14, `srepr`). */
function isExpression(text: string): boolean {
  const classes =
    /\b(?:Symbol|Integer|Rational|Float|Mul|Add|Pow|Mod|Max|Min|Abs|Eq|Ne|Gt|Ge|Lt|Le|And|Or|Not|Piecewise|ExprCondPair|true|false|FloorDiv|ModularIndexing|Where|PythonMod|CleanDiv|CeilDiv|CeilToInt|FloorToInt|TruncToInt|ToFloat|Identity|PowByNatural|IntTrueDiv|FloatTrueDiv|positive|integer|nonnegative|precision|evaluate|True|False|None)\b/g;
  const rest = text.replaceAll(/'[us]\d+'/g, "").replaceAll(classes, "");
  return /^[su\d\s()+*/=,.-]*$/.test(rest) && !/[.]\s*[A-Za-z_]/.test(text);
}

/** Classes of transformers' own pipelines for a task: {task: {impl, pt, tf}}. */
export function implementations(value: unknown): readonly string[] {
  return Object.values(isRecord(value) ? value : {}).flatMap((task) =>
    isRecord(task) ? textsOf(task["impl"]) : [],
  );
}

export function textsOf(value: unknown): readonly string[] {
  if (typeof value === "string") return [value];
  const items = Array.isArray(value)
    ? (value as readonly unknown[])
    : Object.values(isRecord(value) ? value : {});
  return items.flatMap(textsOf);
}

export function isRecord(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
