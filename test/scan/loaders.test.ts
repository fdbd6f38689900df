import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { scan } from "../../src/api/scan.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "weighbridge-loaders-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function verdictOf(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(mkdtempSync(join(folder, "case-")), name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  return (await scan(path)).verdict;
}

const json = (value: unknown): string => JSON.stringify(value);
const ESCAPE = "{{ cycler.__init__.__globals__.os.popen('id') }}";

const u32 = (value: number): Buffer => Buffer.from(Uint32Array.of(value).buffer);
const u64 = (value: number): Buffer => Buffer.concat([u32(value), u32(0)]);
const text = (value: string): Buffer =>
  Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)]);
const gguf = (key: string, value: Buffer): Buffer =>
  Buffer.concat([Buffer.from("GGUF"), u32(3), u64(0), u64(1), text(key), value]);
const ggufText = (key: string, value: string): Buffer =>
  gguf(key, Buffer.concat([u32(8), text(value)]));

/** What a loader imports, calls or renders because of a text, each with a harmless one of the same kind. */
const PAIRS: readonly (readonly [
  kind: string,
  name: string,
  harmful: string | Uint8Array,
  verdict: "unsafe" | "incomplete",
  harmless: string | Uint8Array,
])[] = [
  [
    "latent diffusion's target",
    "v1-inference.yaml",
    "model:\n  target: os.system\n  params: {command: id}\n",
    "unsafe",
    "model:\n  target: ldm.models.diffusion.ddpm.LatentDiffusion\n  params: {target: cpu}\n",
  ],
  [
    "a target of nobody's",
    "a.yaml",
    "model: {target: evil_package.Model}\n",
    "incomplete",
    "target: cpu\n",
  ],
  [
    "Lightning's class_path",
    "config.yaml",
    "model:\n  class_path: subprocess.Popen\n",
    "unsafe",
    "model:\n  class_path: torch.nn.Linear\n",
  ],
  [
    "torchtune's _component_",
    "recipe.yaml",
    "model:\n  _component_: os.mkdir\n",
    "unsafe",
    "model:\n  _component_: torchtune.models.llama3.llama3_8b\n",
  ],
  [
    "YAML under another name",
    "MLmodel",
    "a: !!python/object/apply:os.system [id]\n",
    "unsafe",
    "flavors:\n  python_function:\n    model_path: model.pkl\n",
  ],
  [
    "_target_ under another name",
    "hparams",
    "m:\n  _target_: os.system\n",
    "unsafe",
    "m:\n  _target_: torch.optim.AdamW\n",
  ],
  [
    "jsonpickle",
    "state.json",
    json({ "py/reduce": [{ "py/function": "os.system" }, { "py/tuple": ["id"] }] }),
    "unsafe",
    json({ py: "reduce" }),
  ],
  [
    "sentence-transformers",
    "modules.json",
    json([{ idx: 0, name: "0", path: "", type: "joblib.numpy_pickle" }]),
    "unsafe",
    json([{ idx: 0, name: "0", path: "", type: "sentence_transformers.models.Transformer" }]),
  ],
  [
    "sentence-transformers of nobody's",
    "modules.json",
    json([{ idx: 0, name: "0", path: "", type: "evil.Model" }]),
    "incomplete",
    json([{ idx: 0, name: "0", path: "", type: "sentence_transformers.models.Pooling" }]),
  ],
  [
    "diffusers",
    "model_index.json",
    json({ _class_name: "P", _diffusers_version: "0.35", unet: ["subprocess", "Popen"] }),
    "unsafe",
    json({
      _class_name: "P",
      _diffusers_version: "0.35",
      unet: ["diffusers", "UNet2DConditionModel"],
      safety_checker: ["stable_diffusion", "StableDiffusionSafetyChecker"],
      feature_extractor: [null, null],
    }),
  ],
  [
    "diffusers of nobody's",
    "model_index.json",
    json({ _class_name: "P", unet: ["evil_lib", "Unet"] }),
    "incomplete",
    json({ _class_name: "P", betas: [0.1, 0.2] }),
  ],
  [
    "PEFT's parent_library",
    "adapter_config.json",
    json({ auto_mapping: { base_model_class: "system", parent_library: "os" } }),
    "unsafe",
    json({
      auto_mapping: {
        base_model_class: "LlamaForCausalLM",
        parent_library: "transformers.models.llama.modeling_llama",
      },
    }),
  ],
  [
    "a kernel of another repository",
    "config.json",
    json({ attn_implementation: "evil/kernel" }),
    "incomplete",
    json({ attn_implementation: "sdpa", _attn_implementation_internal: null }),
  ],
  [
    "an expression of torch.export",
    "model.json",
    json({ a: { expr_str: "__import__('os').system('id')" } }),
    "unsafe",
    json({ a: { expr_str: "Mul(Integer(2), Symbol('s77', positive=True, integer=True))" } }),
  ],
  [
    "a program of torch.export",
    "model.json",
    json({ graph_module: { graph: {} }, schema_version: { major: 8 } }),
    "incomplete",
    json({ graph_module: "none" }),
  ],
  [
    "a prompt of LangChain",
    "prompt.json",
    json({ _type: "prompt", template_format: "jinja2", template: ESCAPE }),
    "unsafe",
    json({ _type: "prompt", template_format: "jinja2", template: "{{ question }}" }),
  ],
  [
    "an object of LangChain",
    "chain.json",
    json({ lc: 1, type: "constructor", id: ["evil", "Tool"], kwargs: {} }),
    "incomplete",
    json({ lc: "1", type: "constructor" }),
  ],
  [
    "a template under another key",
    "config.json",
    json({ prompts: { system: ESCAPE } }),
    "unsafe",
    json({ latex: "\\frac{{a}}{{b}}", code: "def __init__(self): {}" }),
  ],
  [
    "a target of JSON",
    "config.json",
    json({ target: "os.abort" }),
    "unsafe",
    json({ target: "example.com", host: { target: "cpu", params: {} } }),
  ],
  [
    "a target of JSON with its parameters",
    "config.json",
    json({ target: "evil.Model", params: {} }),
    "incomplete",
    json({ target: "sgm.models.diffusion.DiffusionEngine", params: {} }),
  ],
  ["a template under another name", "chat.tmpl", ESCAPE, "unsafe", "{{ messages[0].content }}"],
  [
    "GGUF's other keys",
    "m.gguf",
    ggufText("tokenizer.huggingface.json", json({ chat_template: ESCAPE })),
    "unsafe",
    ggufText("tokenizer.huggingface.json", json({ chat_template: "{{ a }}" })),
  ],
  [
    "GGUF's array in the template's place",
    "m.gguf",
    gguf("tokenizer.chat_template", Buffer.concat([u32(9), u32(8), u64(1), text(ESCAPE)])),
    "incomplete",
    ggufText("tokenizer.chat_template", "{{ a }}"),
  ],
  [
    "a line of Python in a .pth",
    "fix.pth",
    "# a comment\nimport os; os.system('id')\n",
    "incomplete",
    "# a comment\n../elsewhere\n",
  ],
  ["R's text", "m.rds", "A\n3\n262144\n197888\n5\nUTF-8\n1026\n", "incomplete", "A\nB\n"],
  ["what pip builds by", "pyproject.toml", "[build-system]\n", "incomplete", "a = 1\n"],
];

describe("what a loader makes of a text", () => {
  it.each(PAIRS)("%s is told", async (_kind, name, harmful, verdict) => {
    expect(await verdictOf(name, harmful)).toBe(verdict);
  });

  it.each(PAIRS.filter(([kind]) => kind !== "what pip builds by"))(
    "%s is safe where it says nothing else",
    async (_kind, name, _harmful, _verdict, harmless) => {
      expect(await verdictOf(name, harmless)).toBe("safe");
    },
  );

  it("is nothing in texts for people", async () => {
    const words = `Beware of !!python/object/apply:os.system and of ${ESCAPE}.\n`;
    expect(await verdictOf("README.md", words)).toBe("safe");
    expect(await verdictOf("notes", words)).toBe("unsafe");
  });

  it("is found behind a key that is given twice", async () => {
    const twice = '{"_target_": "os.system", "_target_": "torch.nn.Linear"}';
    expect(await verdictOf("a.yaml", twice)).toBe("unsafe");
  });
});
