// How cost grows: with the size of a file, the number of its tensors, the length of the context, and the batch.
import { dirname, join } from "node:path";
import { files217m } from "../inference/files.mjs";
import { programs, SPEEDS } from "../inference/programs.mjs";
import { makeModel, makeModelIn, shapeOf } from "../models.mjs";
import { contenders } from "./convert.mjs";
import { ours, SECONDS } from "./files.mjs";

const GIGABYTES = [0.3, 0.8, 1.4, 2.9, 5.8];
const TENSORS = [100, 1_000, 10_000, 50_000];
/** Of each file of the curve over the number of tensors. */
const BYTES = 300e6;
const CONTEXTS = [32, 128, 512, 1024, 2000];
const BATCHES = [1, 2, 4, 8, 16];
const DECODE = 16;

/** `cp`, converting, and `peers`, of those that a case of conversion has, and what else `looks` gives. */
function fileContenders(context, source, peers, looks) {
  const all = Object.fromEntries(
    contenders(source, context, peers).map((contender) => [contender.name, contender]),
  );
  return [
    all.cp,
    { ...all.weighbridge, name: "weighbridge convert" },
    ...Object.keys(peers).map((name) => all[name]),
    ...looks,
  ];
}

const inspect = (context, source) => ours(context, "inspect", ["pytorch_model.bin", source]);

const growthSize = {
  id: "growth-size",
  title: "pytorch_model.bin of growing size",
  x: "file size, GB",
  base: "cp",
  metrics: SECONDS,
  values: GIGABYTES,
  at: (context, size) => {
    const source = makeModel(context, size, "bin");
    return fileContenders(context, source, {}, [inspect(context, source)]);
  },
};

const growthTensors = {
  id: "growth-tensors",
  title: `pytorch_model.bin of ${BYTES / 1e9} GB in a growing number of tensors`,
  x: "tensors",
  base: "cp",
  metrics: SECONDS,
  values: TENSORS,
  at: (context, tensors) => {
    const home = join(context.models, `tensors-${tensors}`);
    const source = makeModelIn(home, shapeOf(tensors, BYTES), "bin", context);
    const peers = { "torch.load + save_file": "torch" };
    return fileContenders(context, source, peers, [
      inspect(context, source),
      ours(context, "check", ["FOLDER", dirname(source)]),
    ]);
  },
};

const growthContext = {
  id: "growth-context",
  title: `217 million parameters, a growing context, ${DECODE} tokens after it`,
  x: "tokens of context",
  metrics: SPEEDS,
  values: CONTEXTS,
  at: (context, prefill) => {
    const {
      ours: weighbridge,
      transformers,
      llama,
    } = programs(context, files217m(context), {
      prefill,
      decode: DECODE,
    });
    return [
      weighbridge("weighbridge f32", "cpu", "f32"),
      transformers("transformers f32", "f32"),
      llama("llama.cpp f32", "f32"),
      weighbridge("weighbridge bf16", "cpu", "bf16"),
      transformers("transformers bf16", "bf16"),
      llama("llama.cpp bf16", "bf16"),
    ];
  },
};

const growthBatch = {
  id: "growth-batch",
  title: `217 million parameters, a growing batch of 128 tokens, ${DECODE} after them`,
  x: "rows of the batch",
  metrics: SPEEDS,
  values: BATCHES,
  at: (context, batch) => {
    const { ours: weighbridge, transformers } = programs(context, files217m(context), {
      prefill: 128,
      decode: DECODE,
      batch,
    });
    return [
      weighbridge("weighbridge f32", "cpu", "f32"),
      transformers("transformers f32", "f32"),
      weighbridge("weighbridge bf16", "cpu", "bf16"),
      transformers("transformers bf16", "bf16"),
    ];
  },
};

/** A case of a curve: `at(context, value)` gives the contenders of one point. */
const curve = ({ id, title, values, at, ...facts }) => ({
  id,
  part: "growth",
  title,
  make: (context) => ({
    ...facts,
    points: values.map((x) => ({ x, contenders: () => at(context, x) })),
  }),
});

export const growthCases = [growthSize, growthTensors, growthContext, growthBatch].map(curve);
