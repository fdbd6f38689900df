// Looking at a checkpoint beside what a Python user waits for, and comparing two beside `cmp`.
import { copyFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { make, makeModel, makeOnce } from "../models.mjs";

export const SECONDS = [{ key: "seconds", name: "time", unit: "s" }];
const LOOKS = ["inspect", "check", "scan", "convert --dry-run"];

export const ours = (context, name, [operands, ...args]) => ({
  name: `weighbridge ${name}`,
  shown: `weighbridge ${name.split(" ")[0]} ${operands}`,
  command: [process.execPath, context.program, name.split(" ")[0], ...args, "--quiet"],
});

function looks(context, source, quick) {
  const { python } = context;
  const peers = join(context.root, "scripts/bench/peers.py");
  const header = makeOnce(join(dirname(source), "header.safetensors"), (path) =>
    make([python, peers, "describe", source, path]),
  );
  const target = join(context.models, "out");
  const load = "import sys, torch; torch.load(sys.argv[1], weights_only=True, mmap=True)";
  const torchLoad = {
    name: "torch.load(mmap)",
    shown: "python -c 'torch.load(…, mmap=True)'",
    command: [python, "-W", "ignore", "-c", load, source],
  };
  return [
    { name: "python start", shown: "python -c pass", command: [python, "-c", "pass"] },
    {
      name: "safetensors header",
      shown: "python scripts/bench/peers.py header …",
      command: [python, peers, "header", header, "-"],
    },
    ...(quick ? [] : [torchLoad]),
    ours(context, "inspect", ["pytorch_model.bin", source]),
    ours(context, "check", ["FOLDER", dirname(source)]),
    ours(context, "scan", ["pytorch_model.bin", source]),
    ours(context, "convert --dry-run", [
      "pytorch_model.bin out --dry-run",
      source,
      target,
      "--dry-run",
    ]),
  ];
}

function lookCase(id, size, { quick = false } = {}) {
  const aims = LOOKS.flatMap((name) => [
    { of: `weighbridge ${name}`, limit: 0.5, text: `${name} in 0.5 s` },
    { of: `weighbridge ${name}`, key: "peakBytes", limit: 100, text: `${name} in 100 MiB` },
  ]);
  return {
    id,
    part: "files",
    quick,
    title: `looking at pytorch_model.bin of ${size} GB`,
    make: (context) => ({
      base: "safetensors header",
      metrics: SECONDS,
      rounds: quick ? 3 : 5,
      aims,
      points: [{ contenders: () => looks(context, makeModel(context, size, "bin"), quick) }],
    }),
  };
}

function comparisons(context, size, across) {
  const file = makeModel(context, size, "bin");
  const copy = makeOnce(join(dirname(file), "copy.bin"), (path) => copyFileSync(file, path));
  const others = across ? [makeModel(context, size, "fortran")] : [];
  return [
    { name: "cmp", shown: "cmp pytorch_model.bin copy.bin", command: ["cmp", file, copy] },
    ours(context, "diff", ["pytorch_model.bin copy.bin", file, copy]),
    ...others.map((paddle) =>
      ours(context, "diff of .pdparams", ["pytorch_model.bin model_state.pdparams", file, paddle]),
    ),
  ];
}

/** Two files of the same bytes, which `cmp` must read to their ends; and, with `across`, a file of other names and layout. */
function diffCase(id, size, { quick = false, across = false } = {}) {
  const aim = { of: "weighbridge diff", to: "cmp", times: 1.3, text: "at most 1.3 × cmp" };
  return {
    id,
    part: "files",
    quick,
    title: `comparing two checkpoints of ${size} GB`,
    make: (context) => ({
      base: "cmp",
      metrics: SECONDS,
      aims: [aim],
      points: [{ contenders: () => comparisons(context, size, across) }],
    }),
  };
}

export const fileCases = [
  lookCase("look-14.6", 14.6),
  diffCase("diff-2.9", 2.9, { across: true }),
  diffCase("diff-14.6", 14.6),
  lookCase("quick-look", 0.3, { quick: true }),
  diffCase("quick-diff", 0.3, { quick: true }),
];
