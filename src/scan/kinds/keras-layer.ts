/** Keras itself, as its own package and within TensorFlow; `src` is where its sources stand. */
const PACKAGE = /^(?:tf_keras|keras|tensorflow\.keras|tensorflow\.python\.keras)(?:\.src)?(?:\.|$)/;

/** Where Keras keeps the classes that its configurations name; `utils` fetches files, `saving` and `config` undo its safe mode. */
const PARTS: ReadonlySet<string> = new Set(
  (
    "layers models engine initializers optimizers losses metrics regularizers constraints activations dtype_policies " +
    "mixed_precision quantizers random distribution ops"
  ).split(" "),
);

/** Optimizers as a backend has them, which Keras names by where they stand. */
const OF_BACKEND = /^keras\.src\.backend\.\w+\.optimizers(?:\.\w+)*$/;

/** Classes of Keras itself that hold or load code. */
const HOLDS_CODE = /lambda|^(?:TorchModuleWrapper|TFSMLayer|JaxLayer|FlaxLayer|PyFunc)$|py_?func/i;

/** Functions of Keras that load, save or fetch, or switch its safe mode off. */
const LOADS = /^(?:load_|save_|model_from_|deserialize|get_file|enable_unsafe|KerasFileEditor$)/;

/** Functions that Python itself has, and Keras has not: versions before 3.12 find them by a name in `builtins`. */
const OF_PYTHON =
  /^(?:_\w*|breakpoint|classmethod|compile|copyright|credits|delattr|dir|eval|exec|exit|getattr|globals|hasattr|help|id|input|license|locals|memoryview|object|open|print|property|quit|setattr|staticmethod|super|type|vars)$/;

/** Entries of a layer's configuration that are the contents, or the path of a file that Keras reads. */
const CONTENTS: ReadonlySet<string> = new Set([
  "vocabulary",
  "idf_weights",
  "vocab",
  "vocabulary_file",
]);

/** Operations of TensorFlow as layers, which the argument `function` names. */
const OPERATION_LAYERS: ReadonlySet<string> = new Set(["TFOpLambda", "SlicingOpLambda"]);

/** Operations that compute: of TensorFlow's modules for that, or at its top and none of those that read, write or call back. */
const COMPUTES =
  /^(?:compat\.v1\.)?(?:(?:math|nn|linalg|image|strings|signal|random|bitwise|sparse|ragged|sets|audio|quantization|dtypes|__operators__|experimental\.numpy)\.(?:\w+\.)*)?(?!print|py_|numpy_function|load_|eval|exec|function$|map_fn|while_loop|cond$|case$|foldl|foldr|scan$|vectorized_map|import_)\w+$/;

/**
 * What of an object in a configuration of Keras is code, or is imported for it; undefined for its own layers
 * (keras 3.12, saving/serialization_lib.py: `module`, `class_name` and `config` name what is built).
 */
export function dangerousLayer(value: Readonly<Record<string, unknown>>): string | undefined {
  const { class_name: name, module, config } = value;
  if (typeof name !== "string" || config === undefined) return undefined;
  if (OPERATION_LAYERS.has(name)) return dangerousOperation(config);
  if (name === "Lambda" || name === "__lambda__") return "a Lambda layer, which holds code";
  if (HOLDS_CODE.test(name)) return `a layer ${name}, which holds or loads code`;
  const called = name === "function" && typeof config === "string" ? config : name;
  if (LOADS.test(called)) return `${called}, which loads or fetches, or lets that happen`;
  if (typeof config === "string" && LOADS.test(config.slice(config.lastIndexOf(".") + 1)))
    return `${config}, which loads or fetches, or lets that happen`;
  if (typeof module !== "string" || isOfKeras(module)) return undefined;
  // Its own functions: a name alone, which Keras looks up among those.
  if (module === "builtins" && name === "function" && isPlainName(config)) return undefined;
  return `the class ${name} of ${module}`;
}

/**
 * The file that a layer reads when it is built, such as the vocabulary of a StringLookup, or undefined (keras 3.12,
 * layers/preprocessing/index_lookup.py: a text is a path, a list is the words themselves).
 */
export function fileOfLayer(value: Readonly<Record<string, unknown>>): string | undefined {
  const { class_name: name, config } = value;
  if (typeof name !== "string" || typeof config !== "object" || config === null) return undefined;
  for (const [key, item] of Object.entries(config))
    if (CONTENTS.has(key) && typeof item === "string" && item !== "") return item;
  return undefined;
}

/** What is imported from elsewhere is code of the file's choice. */
function isOfKeras(module: string): boolean {
  if (OF_BACKEND.test(module)) return true;
  if (!PACKAGE.test(module)) return false;
  const [part = ""] = module.replace(PACKAGE, "").split(".");
  return part === "" || PARTS.has(part);
}

function dangerousOperation(config: unknown): string | undefined {
  const named =
    typeof config === "object" && config !== null && "function" in config ? config.function : "";
  return typeof named === "string" && (named === "" || COMPUTES.test(named))
    ? undefined
    : `a layer that calls ${JSON.stringify(named)}`;
}

function isPlainName(config: unknown): boolean {
  return typeof config === "string" && /^[a-z_]\w*$/.test(config) && !OF_PYTHON.test(config);
}
