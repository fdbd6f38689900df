// What the programs of inference read: a model as torch writes it, converted copies, and the peers' own formats.
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { make, makeModel, makeModelIn, makeOnce } from "../models.mjs";

/** 217 million parameters in InternLM's block. */
const MODEL_217M = { layers: 12, hidden: 1024, intermediate: 2752, vocab: 32000, heads: 16 };

/** 43 million (ids go up to 30,002), for continuous integration. */
const MODEL_QUICK = { layers: 4, hidden: 512, intermediate: 1376, vocab: 30080, heads: 8 };

/** Makes the folder `model` in `folder`, of a size as above, and gives its path. */
const makeFolder = (context, folder, size) =>
  dirname(makeModelIn(join(folder, "model"), size, "bin", context));

/** The 217 million parameters, where --folder says. */
export const files217m = (context) =>
  filesOf(context, context.folder, () => makeFolder(context, context.folder, MODEL_217M));

export function filesQuick(context) {
  const folder = join(context.models, "43m");
  return filesOf(context, folder, () => makeFolder(context, folder, MODEL_QUICK));
}

/** SmolLM2-135M of scripts/real-model.mjs, written as GGUF in several types: llama.cpp and weighbridge read the same file. */
export function filesQuantised(context) {
  const folder = join(context.models, "smollm2");
  const original = () =>
    execFileSync(process.execPath, [join(context.root, "scripts/real-model.mjs")], {
      encoding: "utf8",
    }).trim();
  const written = (type) => {
    const target = join(folder, type);
    const path = join(target, "model.gguf");
    if (!existsSync(path))
      make(
        [process.execPath, context.program, "convert", original(), target].concat(
          "--to gguf --quantize".split(" "),
          [type, "--quiet"],
        ),
      );
    return path;
  };
  return {
    Q8_0: () => written("Q8_0"),
    Q4_0: () => written("Q4_0"),
    gguf: written,
    hasPeer: () => false,
  };
}

/** LLaMA-7B of drawn blocks of 4 bits, as GGUF: llama.cpp and weighbridge read the same file. */
export function filesQuantised7b(context) {
  const path = () =>
    makeOnce(join(context.models, "7b-q4_0", "model.gguf"), (file) =>
      make([context.peers, join(context.root, "scripts/bench/make_quantised.py"), file, "Q4_0"]),
    );
  return { Q4_0: path, gguf: path, hasPeer: () => false };
}

/** InternLM-7B's own size, shared with the conversions of that file. */
export function files7b(context) {
  const model = () => dirname(makeModel(context, 14.6, "bin"));
  return filesOf(context, join(context.models, "14.6"), model);
}

/** What contenders read: the model that `model()` makes and gives the folder of, and what is made of it, in `folder`. */
function filesOf(context, folder, model) {
  const convert = (name, ...options) => {
    const target = join(folder, name);
    const source = model();
    // Conversion gives a file its name only once it is whole.
    if (!existsSync(join(target, "model.safetensors")))
      make([process.execPath, context.program, "convert", source, target, "--quiet", ...options]);
    return target;
  };
  const files = {
    model,
    converted: () => convert("converted", "--dtype", "keep"),
    "converted-f32": () => convert("converted-f32", "--dtype", "F32"),
    hasPeer: (name) => existsSync(join(folder, "peers", name)),
    peer: (name) => {
      const made = join(folder, "peers");
      const script = join(context.root, "scripts/bench/peers/make_files.py");
      makeOnce(made, (path) => make([context.peers, script, files.converted(), path]));
      return join(made, name);
    },
  };
  return files;
}
