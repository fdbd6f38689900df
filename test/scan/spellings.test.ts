import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { scan } from "../../src/api/scan.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "weighbridge-spellings-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function verdictOf(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(mkdtempSync(join(folder, "case-")), name);
  writeFileSync(path, content);
  return (await scan(path)).verdict;
}

const json = (value: unknown): string => JSON.stringify(value);
/** Reaches Python by names that stand nowhere in it. */
const COMPUTED = "{{ ''['__cla' ~ 'ss__'] }}";
const CALL = "cos\nsystem\n(S'id'\ntR.";
const params = "\n  params: {command: id}\n";
const LARGE = 17 * 2 ** 20;

function safetensors(metadata: Readonly<Record<string, string>>): Buffer {
  const header = Buffer.from(json({ __metadata__: metadata }));
  return Buffer.concat([Buffer.from(BigUint64Array.of(BigInt(header.length)).buffer), header]);
}

/** One meaning in many spellings; none may be called safe. */
const SPELLED: Readonly<Record<string, readonly [name: string, content: string | Uint8Array]>> = {
  "a key with an escape": ["a.yaml", 'm: {"_t\\x61rget_": os.system}\n'],
  "another key with an escape": ["a.yaml", 'm:\n  "cl\\u0061ss_path": os.system\n'],
  "a value by an alias": ["a.yaml", `x: &t os.system\nmodel:\n  target: *t${params}`],
  "a value with an anchor": ["a.yaml", `model:\n  target: &t os.system${params}`],
  "a value with a tag": ["a.yaml", `model:\n  target: !!str os.system${params}`],
  "a folded value": ["a.yaml", `model:\n  target: >-\n    os.system${params}`],
  "a value on the next line": ["a.yaml", `model:\n  target:\n    os.system${params}`],
  "a value with an escape": ["a.yaml", `model:\n  target: "os\\x2esystem"${params}`],
  "a key behind a question mark": ["a.yaml", `model:\n  ? target\n  : os.system${params}`],
  "JSON as YAML": ["a.yaml", json({ model: { target: "os.system", params: {} } })],
  "any key of YAML": ["a.yaml", "trainer:\n  func: os.system\n"],
  "a prefix of tags behind a mark of byte order": [
    "a.yaml",
    "\uFEFF%TAG !e! tag:yaml.org,2002:pyt\n---\nx: !e!hon/object/apply:os.system [id]\n",
  ],
  "a prefix of tags behind NEL": [
    "a.yaml",
    "# c\u0085%TAG !e! tag:yaml.org,2002:pyt\u0085---\u0085x: !e!hon/object/apply:os.system [id]\n",
  ],
  "a call of HyperPyYAML": ["hyperparams.yaml", 'x: !apply:os.system ["id"]\n'],
  "an object of HyperPyYAML": ["hyperparams.yaml", "x: !new:subprocess.Popen\n  args: [id]\n"],
  "a module of HyperPyYAML": ["hyperparams.yaml", "x: !module:evil\n"],
  "a file of HyperPyYAML": ["hyperparams.yaml", "x: !include:/etc/passwd\n"],
  "HyperPyYAML under another name": ["hyperparams", "x: !name:os.system\n"],
  "an object of Ruby": ["a.yaml", "--- !ruby/object:Gem::Installer\ni: x\n"],
  "Python's logging": ["a.yaml", "handlers:\n  a:\n    (): os.system\n    command: id\n"],
  "Python's logging in JSON": ["a.json", json({ handlers: { a: { "()": "evil.Handler" } } })],
  "AllenNLP's type": ["config.json", json({ model: { type: "subprocess.Popen" } })],
  "any key of JSON": ["config.json", json({ callable: "os.system" })],
  "a module and its class": ["config.json", json({ module: "os", class: "system" })],
  "mmengine's imports": ["a.json", json({ custom_imports: { imports: ["evil"] } })],
  "MLflow's commands": ["MLproject", "entry_points:\n  main:\n    command: curl x | sh\n"],
  "a template under another key": ["config.json", json({ prompts: { system: COMPUTED } })],
  "a template under another name": ["chat.tmpl", COMPUTED],
  "a template in YAML": ["prompt.yaml", `template: "${COMPUTED}"\n`],
  "a template in TOML": ["prompt.toml", `prompt = '''${COMPUTED}'''\n`],
  "a template with a statement of an extension": ["chat.tpl", `{% do x %}${COMPUTED}`],
  "a template of underscores by number": [
    "config.json",
    json({ prompt: "{{ ''['\\U0000005f\\U0000005fclass\\U0000005f\\U0000005f'] }}" }),
  ],
  "a template of underscores by name": [
    "config.json",
    json({ prompt: "{{ ''['\\N{LOW LINE}\\N{LOW LINE}class'] }}" }),
  ],
  "YAML behind blanks": [
    "MLmodel",
    `#${" ".repeat(LARGE)}\na: !!python/object/apply:os.system []\n`,
  ],
  "JSON of a Lambda behind blanks": [
    "arch",
    `{"a":"${" ".repeat(LARGE)}","class_name":"Lambda","config":{}}`,
  ],
  "a template behind blanks": ["chat.tmpl", `${" ".repeat(LARGE)}${COMPUTED}`],
  "a pickle behind a line": ["m.pkl", `a header line\n${CALL}`],
  "a pickle by INST behind a line": ["m.bin", "# vectors\n(S'id'\nios\nsystem\n."],
  "a pickle behind a mark of byte order": ["m.pkl", `\uFEFF${CALL}`],
  "a pickle behind a line that has no end": ["m.pkl", `a header\n${CALL.slice(0, -1)}`],
  "a pickle in base64": ["m.txt", Buffer.from(`\u0080\u0002${CALL}`, "latin1").toString("base64")],
  "a name too long to be kept, in a picture": [
    "m.bin",
    Buffer.concat([
      Buffer.from("GIF89a\0\0\0\u0080\u0004\u008c\u0002osX", "latin1"),
      Buffer.from(Uint32Array.of(9 * 9000 + 6 - 9000).buffer),
      Buffer.from("path.os.".repeat(9000) + "system", "latin1"),
      Buffer.from("\u0093\u008c\u0002id\u0085R\u00ff", "latin1"),
    ]),
  ],
  "a module that no identifier is": ["m.bin", "GIF89a\0\0\0cmy-mod\nrun\n)R"],
  "a pointer in a file's place": [
    "pytorch_model.bin",
    `version https://git-lfs.github.com/spec/v1\noid sha256:${"4d".repeat(32)}\nsize 12345\n`,
  ],
  "a module by way of one that is known": [
    "config.yaml",
    "model:\n  _target_: torch.nn.modules.module.os.system\n",
  ],
  "a function that loads, of a library that is known": [
    "config.json",
    json({ _target_: "lightning.fabric.utilities.cloud_io._load" }),
  ],
  "a part of a pipeline by way of another module": [
    "model_index.json",
    json({ _class_name: "P", unet: ["diffusers.utils.os", "system"] }),
  ],
  "a module and a name behind a colon": ["a.json", json({ target: "os:system", params: {} })],
  "a line that NEL ends": ["a.yaml", "model:\n  target: os.system \u0085  params: {}\n"],
  "a quoted key without a blank": ["a.yaml", "{model: {'target':os.system, params: {}}}\n"],
  "a Lambda with a tag": ["m.yaml", "layers:\n  - class_name: !!str Lambda\n"],
  "a Lambda by an alias": ["m.yaml", "a: &l Lambda\nlayers:\n  - class_name: *l\n"],
  "MLflow's loader": ["MLmodel", "flavors:\n  python_function:\n    loader_module: evil\n"],
  "arguments that Python's logging evaluates": [
    "logging.conf",
    "[handlers]\nkeys=h\n[handler_h]\nclass=StreamHandler\nargs=__import__('os').system('id')\n",
  ],
  "a command in TOML": ["a.toml", '[model]\nfunc = "os.system"\n'],
  "a template in the metadata of safetensors": ["m.safetensors", safetensors({ note: COMPUTED })],
  "settings in the metadata of safetensors": [
    "m.safetensors",
    safetensors({ lora_adapter_metadata: json({ _target_: "os.system" }) }),
  ],
  "an array of a version that numpy has not": [
    "a.npy",
    Buffer.from("\u0093NUMPY\0\0\u0002\0{}", "latin1"),
  ],
};

const OPERATIONS = [
  "raw_ops.WriteFile",
  "raw_ops.PyFunc",
  "saved_model.load",
  "print",
  "data.Dataset.from_generator",
  "keras.utils.get_file",
  "io.write_file",
  "compat.v1.py_func",
  "load_op_library",
  "train.Checkpoint",
];

const layer = (name: string, config: unknown): string =>
  json({ class_name: "Functional", config: { layers: [{ class_name: name, config }] } });

describe("what a loader would run", () => {
  it.each(Object.entries(SPELLED))("is not called safe as %s", async (_kind, [name, content]) => {
    expect(await verdictOf(name, content)).not.toBe("safe");
  });

  it.each(OPERATIONS)("is told as TensorFlow's %s", async (operation) => {
    expect(await verdictOf("a.json", layer("TFOpLambda", { function: operation }))).toBe("unsafe");
  });

  it("is told as a function of Keras that fetches", async () => {
    const text = json({ module: "keras", class_name: "function", config: "keras.utils.get_file" });
    expect(await verdictOf("a.json", text)).toBe("unsafe");
  });
});

/** Texts that are near, and mean nothing to any loader. */
const HARMLESS: Readonly<Record<string, readonly [name: string, content: string]>> = {
  "escapes in values": [
    "a.yaml",
    'text: "\\u4e2d\\x41"\nurl: https://a.b/100%25!x%20y\ntarget: cpu\n',
  ],
  "targets that are a list": ["a.yaml", "loss:\n  target:\n    - a\n    - b\n  func: relu\n"],
  "SpeechBrain's own": [
    "hyperparams.yaml",
    "a: !new:speechbrain.lobes.models.ECAPA_TDNN.ECAPA_TDNN\n  n: 80\nb: !name:torch.optim.Adam\n  lr: 0.1\nc: !ref <a>\nd: !apply:torch.manual_seed [1]\n",
  ],
  "a template of a task": [
    "task.yaml",
    'doc_to_text: "{{question.strip()}}\\nA. {{choices[0]}}"\ndoc_to_target: answer\n',
  ],
  "a template that prints": ["config.json", json({ prefix: "{% set a = 'x' %}{{ a ~ 'b' }}" })],
  "a template of Go": ["template", "{{ if .System }}{{ .System }}{{ end }}"],
  LaTeX: ["notes.txt", '\\frac{{a}}{{b}} and {{ "x" }} [a~b](c)\n'],
  "tokens of code": ["vocab.json", json({ "os.system": 1, "{{": 2, __class__: 3, "{%": 4 })],
  "tokens, one a line": ["vocab.txt", "{{\n__class__\n}}\ncos\nsystem\n(\nR\n.\n"],
  "words that look like opcodes": ["words.txt", "a\ncat\ncos\nsin\n(\n.\n"],
  "labels that are modules": ["config.json", json({ id2label: { 0: "os", 1: "os.path" } })],
  "an operation that computes": ["a.json", layer("TFOpLambda", { function: "math.reduce_mean" })],
  "another operation": ["a.json", layer("TFOpLambda", { function: "__operators__.getitem" })],
  "known classes": ["a.yaml", "_target_: torchtune.models.llama3.llama3_8b\nb: 1\n"],
  "a flavour of MLflow": ["MLmodel", "flavors:\n  f:\n    loader_module: mlflow.sklearn\n"],
  "settings of a tool": ["a.toml", '[tool]\nname = "os"\nversion = "1.0"\n'],
  "a large list of words": ["list.txt", "token\n".repeat(LARGE / 6)],
};

describe("what no loader runs", () => {
  it.each(Object.entries(HARMLESS))("is safe: %s", async (_kind, [name, content]) => {
    expect(await verdictOf(name, content)).toBe("safe");
  });

  it.each([
    ["fields", "[('x', '<f8'), ('y', '<i4', (2,))]", 16],
    ["fields in fields", "[('a', '<f4'), ('b', [('q', '|u1'), ('r', '|S4')])]", 9],
    ["fields with gaps", "[('a', '|u1'), ('', '|V7'), ('b', '<f8')]", 16],
  ])("is safe: an array of numpy with %s", async (_kind, descr, width) => {
    const header = `{'descr': ${descr}, 'fortran_order': False, 'shape': (3,), }\n`;
    const file = (bytes: number): Buffer =>
      Buffer.concat([
        Buffer.from("\u0093NUMPY\u0001\0", "latin1"),
        Buffer.from(Uint16Array.of(header.length).buffer),
        Buffer.from(header),
        Buffer.alloc(bytes),
      ]);
    expect(await verdictOf("a.npy", file(3 * width))).toBe("safe");
    expect(await verdictOf("a.npy", file(3 * width + 1))).toBe("incomplete");
    const objects = Buffer.from(
      file(3 * width)
        .toString("latin1")
        .replace(/'[<|]\w+'/, "'|O'"),
      "latin1",
    );
    expect(await verdictOf("a.npy", objects)).toBe("incomplete");
  });
});

it("a file is followed no further than a hundred thousand names that are not allowed", async () => {
  const path = join(folder, "names.pkl");
  writeFileSync(path, "ca\nb\n".repeat(100_001));
  const { verdict, reasons, globals } = await scan(path);
  expect([verdict, globals.length]).toEqual(["unsafe", 100_000]);
  expect(reasons.map(({ code }) => code)).toContain("WB5204");
});
