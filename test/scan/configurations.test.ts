import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { scan } from "../../src/api/scan.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "weighbridge-configurations-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function judged(name: string, content: string): Promise<readonly string[]> {
  const path = join(mkdtempSync(join(folder, "case-")), name);
  writeFileSync(path, content);
  const { verdict, reasons } = await scan(path);
  return [verdict, ...new Set(reasons.map(({ code }) => code))];
}

const json = (value: unknown): string => JSON.stringify(value);
const keras = (
  class_name: string,
  config: unknown,
  module: string | null = "keras.layers",
): string =>
  json({ class_name: "Sequential", config: { layers: [{ module, class_name, config }] } });
const calling = (config: string, module = "builtins"): string =>
  keras("Dense", { activation: { module, class_name: "function", config } });

/** marshal.dumps((lambda x: x).__code__) of Python 3.12 in base64, shortened: it is never run. */
const CODE = `4wEAAAAAAAAAAAAAAAEAAAADAAAA8wQAAACXAHwAUwCpAU6pACkB2gF4cwEAAAAg${"A".repeat(40)}`;
/** A pickle that names posix.system. */
const PICKLE = Buffer.from("\u0080\u0002cposix\nsystem\n(S'id'\ntR.", "latin1").toString("base64");

/** What a loader reads, runs or imports by a configuration, each with a harmless one of the same kind. */
const PAIRS: readonly (readonly [
  kind: string,
  name: string,
  harmful: string,
  expected: readonly string[],
  harmless: string,
])[] = [
  [
    "a vocabulary of Keras by its path",
    "config.json",
    keras("StringLookup", { vocabulary: "/etc/passwd" }),
    ["unsafe", "WB5003"],
    keras("StringLookup", { vocabulary: ["/etc/passwd"] }),
  ],
  [
    "a vocabulary above the folder",
    "config.json",
    keras("TextVectorization", { vocabulary: "../../words.txt" }),
    ["unsafe", "WB5003"],
    keras("TextVectorization", { vocabulary: null, idf_weights: [0.5] }),
  ],
  [
    "weights of a vocabulary at an address",
    "config.json",
    keras("TextVectorization", { idf_weights: "gs://bucket/a" }),
    ["unsafe", "WB5003"],
    keras("TextVectorization", { idf_weights: null }),
  ],
  [
    "a vocabulary beside the model",
    "config.json",
    keras("IntegerLookup", { vocabulary: "words.txt" }),
    ["incomplete"],
    keras("IntegerLookup", { vocabulary: [] }),
  ],
  [
    "a function of Python as Keras's own",
    "config.json",
    calling("exec"),
    ["unsafe", "WB5002"],
    calling("softmax"),
  ],
  [
    "Keras's safe mode switched off",
    "config.json",
    calling("enable_unsafe_deserialization", "keras.src.saving.serialization_lib"),
    ["unsafe", "WB5002"],
    calling("gelu", "keras.activations"),
  ],
  [
    "Keras's own loading",
    "config.json",
    keras("load_model", {}, "keras.models"),
    ["unsafe", "WB5002"],
    keras("Functional", {}, "keras.models"),
  ],
  [
    "Python's code under another layer's name",
    "config.json",
    keras("Wrap", { python_function: [CODE, null, null] }, null),
    ["unsafe", "WB5002"],
    keras("Wrap", { python_function: ["4wEAAAAA", null, null] }, null),
  ],
  [
    "an architecture under another name",
    "architecture",
    keras("Lambda", { function: ["x"] }),
    ["unsafe", "WB5002"],
    keras("Dense", {}),
  ],
  [
    "an architecture in YAML",
    "architecture.yaml",
    "class_name: Sequential\nconfig:\n- class_name: Lambda\n  config: {}\n",
    ["unsafe", "WB5002"],
    "class_name: Sequential\nconfig:\n- class_name: Dense\n  config: {}\n",
  ],
  [
    "a key that stands twice",
    "config.json",
    '{"auto_map": {"AutoModel": "evil/x--m.M"}, "auto_map": {"AutoModel": "m.M"}}',
    ["incomplete"],
    '{"a": {"b": "\\"b\\": 1"}, "c": {"b" : [{"b":2}, "b:"]}, "b": NaN}',
  ],
  [
    "a pipeline of transformers from another repository",
    "config.json",
    json({ custom_pipelines: { x: { impl: "evil/repo--mod.Pipe", pt: ["AutoModel"] } } }),
    ["incomplete"],
    json({ custom_pipelines: { x: { impl: "mod.Pipe", pt: ["AutoModel"] } } }),
  ],
  [
    "trust in code of a repository",
    "sentence_bert_config.json",
    json({ max_seq_length: 512, model_args: { trust_remote_code: true } }),
    ["incomplete"],
    json({ max_seq_length: 512, model_args: { trust_remote_code: false } }),
  ],
  [
    "a part of diffusers from another repository",
    "modular_model_index.json",
    json({ _class_name: "P", unet: ["diffusers", "UNet", { repo: "evil/repo" }] }),
    ["incomplete"],
    json({ _class_name: "P", unet: ["diffusers", "UNet", { repo: null }] }),
  ],
  [
    "a program of mlx-lm outside of the folder",
    "config.json",
    json({ model_type: "x", model_file: "../evil.py" }),
    ["unsafe", "WB5003"],
    json({ model_type: "x", model_file: "model.py" }),
  ],
  [
    "shards of Keras outside of the folder",
    "model.weights.json",
    json({ weight_map: { "/a": ["../../x.weights.h5"] } }),
    ["unsafe", "WB5003"],
    json({ weight_map: { "/a": ["model_00000.weights.h5"] } }),
  ],
  [
    "shards of TensorFlow.js outside of the folder",
    "model.json",
    json({ weightsManifest: [{ paths: ["/etc/passwd"], weights: [{ name: "/a" }] }] }),
    ["unsafe", "WB5003"],
    json({ weightsManifest: [{ paths: ["group1-shard1of1.bin"], weights: [{ name: "/a" }] }] }),
  ],
  [
    "an object of skops",
    "schema.json",
    json({ __class__: "system", __module__: "os", __loader__: "FunctionNode" }),
    ["unsafe", "WB5002"],
    json({ __class__: "LogisticRegression", __module__: "sklearn.linear_model._logistic" }),
  ],
  [
    "an array of zarr with objects",
    ".zarray.json",
    json({ zarr_format: 2, dtype: "|O", filters: [{ id: "pickle" }] }),
    ["incomplete"],
    json({ zarr_format: 2, dtype: "<f4", filters: [{ id: "delta" }] }),
  ],
  [
    "a pickle in a text",
    "data",
    json({ policy_class: { ":serialized:": PICKLE } }),
    ["unsafe", "WB5201"],
    json({ policy_class: { ":serialized:": "gAAAAABk" } }),
  ],
  [
    "a pipeline of pyannote",
    "config.yaml",
    "pipeline:\n  name: subprocess.Popen\n  params: {args: id}\n",
    ["unsafe", "WB5002"],
    "pipeline:\n  name: pyannote.audio.pipelines.SpeakerDiarization\n  params: {clustering: A}\n",
  ],
  [
    "a SavedModel as text",
    "saved_model.pbtxt",
    'saved_model_schema_version: 1\nmeta_graphs {\n graph_def { node { op: "ReadFile" } } }\n',
    ["incomplete"],
    'name: "x"\nbackend: "onnxruntime"\ninput [ { name: "a" } ]\n',
  ],
  [
    "a network of Caffe",
    "net.prototxt",
    'layer { type: "Python" python_param { module: "os" } }\n',
    ["incomplete"],
    'name: "x"\n',
  ],
  [
    "a graph of OpenVINO",
    "model.xml",
    '<?xml version="1.0"?>\n<net name="m" version="11"></net>\n',
    ["incomplete"],
    "<annotation><object/></annotation>\n",
  ],
];

describe("a configuration that makes its loader read, run or import", () => {
  it.each(PAIRS)("%s is told of", async (_kind, name, harmful, expected) => {
    expect(await judged(name, harmful)).toEqual(expected);
  });

  it.each(PAIRS)(
    "%s is safe where it does not",
    async (_kind, name, _harmful, _expected, harmless) => {
      expect(await judged(name, harmless)).toEqual(["safe"]);
    },
  );

  it("says which model an adapter is loaded with", async () => {
    const path = join(folder, "adapter_config.json");
    writeFileSync(path, json({ peft_type: "LORA", base_model_name_or_path: "org/base" }));
    const { verdict, files } = await scan(path);
    expect([verdict, files[0]?.why]).toEqual([
      "safe",
      'JSON with the adapter of "org/base", which is loaded with it and was not looked at',
    ]);
  });
});
