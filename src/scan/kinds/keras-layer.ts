/** Keras itself, as its own package and within TensorFlow; `src` is where its sources stand. */
const PACKAGE = /^(?:tf_keras|keras|tensorflow\.keras|tensorflow\.python\.keras)(?:\.src)?(?:\.|$)/;

/** Where Keras keeps the classes that its configurations name; `utils` fetches files. */
const PARTS: ReadonlySet<string> = new Set(
  (
    "layers models engine initializers optimizers losses metrics regularizers constraints activations dtype_policies " +
    "mixed_precision quantizers random distribution ops saving"
  ).split(" "),
);

/** Classes of Keras itself that hold or load code. */
const HOLDS_CODE = /lambda|^(?:TorchModuleWrapper|TFSMLayer|JaxLayer|FlaxLayer|PyFunc)$|py_?func/i;

/** Operations of TensorFlow as layers, which the argument `function` names. */
const OPERATION_LAYERS: ReadonlySet<string> = new Set(["TFOpLambda", "SlicingOpLambda"]);

/** Operations that read, write or call back. */
const DANGEROUS_OPERATION = /(?:^|\.)(?:io|py_\w*|numpy_function|load_\w+|sysconfig|debugging)\b/;

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
  if (typeof module !== "string" || isOfKeras(module)) return undefined;
  // Its own functions: a name alone, which Keras looks up among those.
  if (module === "builtins" && name === "function" && isPlainName(config)) return undefined;
  return `the class ${name} of ${module}`;
}

/** What is imported from elsewhere is code of the file's choice. */
function isOfKeras(module: string): boolean {
  if (!PACKAGE.test(module)) return false;
  const [part = ""] = module.replace(PACKAGE, "").split(".");
  return part === "" || PARTS.has(part);
}

function dangerousOperation(config: unknown): string | undefined {
  const named =
    typeof config === "object" && config !== null && "function" in config ? config.function : "";
  return typeof named === "string" && !DANGEROUS_OPERATION.test(named)
    ? undefined
    : `a layer that calls ${JSON.stringify(named)}`;
}

function isPlainName(config: unknown): boolean {
  return typeof config === "string" && /^[a-z_]\w*$/.test(config) && config !== "get_file";
}
