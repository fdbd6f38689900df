// Conversion beside `cp`, a plain copy loop in Node, and the usual Python ways. Every contender flushes what it wrote.
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { makeModel } from "../models.mjs";

const SECONDS = [{ key: "seconds", name: "time", unit: "s" }];

/** Contenders for one source file; `peers` names modes of peers.py. */
export function contenders(source, context, peers = {}) {
  const { root, models, python, program } = context;
  const scratch = join(models, "scratch");
  const file = join(scratch, "out.safetensors");
  const before = () => {
    rmSync(scratch, { recursive: true, force: true });
    mkdirSync(scratch, { recursive: true });
  };
  const after = () => rmSync(scratch, { recursive: true, force: true });
  const script = (name) => join(root, "scripts/bench", name);
  const name = source.split("/").at(-1);
  const ours = (...more) => ({
    command: [
      process.execPath,
      program,
      "convert",
      source,
      join(scratch, "out"),
      "--quiet",
      ...more,
    ],
    shown: ["weighbridge convert", name, "out", ...more].join(" "),
  });
  const list = {
    cp: {
      command: ["bash", "-c", 'cp "$0" "$1" && sync "$1"', source, file],
      shown: `cp ${name} out && sync out`,
    },
    "node copy loop": {
      command: [process.execPath, script("copy.mjs"), source, file],
      shown: `node scripts/bench/copy.mjs ${name} out`,
    },
    weighbridge: ours(),
    "weighbridge --no-verify": ours("--no-verify"),
    ...Object.fromEntries(
      Object.entries(peers).map(([label, mode]) => [
        label,
        {
          command: [python, "-W", "ignore", script("peers.py"), mode, source, file],
          shown: `python scripts/bench/peers.py ${mode} ${name} out`,
          rounds: context.peerRounds,
        },
      ]),
    ),
  };
  return Object.entries(list).map(([label, one]) => ({ name: label, before, after, ...one }));
}

const TORCH = {
  "torch.load + save_file": "torch",
  "torch.load(mmap) + save_file": "torch-mmap",
  "Hugging Face's script": "hf-script",
};
const PADDLE = { "paddle.load + numpy": "paddle" };
const MMAP = { "torch.load(mmap) + save_file": "torch-mmap" };

const aimsOf = (times) => [
  { of: "weighbridge", to: "cp", times, text: `at most ${times} × cp` },
  { of: "weighbridge", key: "peakBytes", limit: 256, text: "at most 256 MiB" },
];

/** A case of one file. */
function convertCase(id, title, { size, kind, peers, times, quick = false }) {
  return {
    id,
    part: "files",
    title,
    quick,
    make: (context) => ({
      base: "cp",
      metrics: SECONDS,
      aims: aimsOf(times),
      points: [{ contenders: () => contenders(makeModel(context, size, kind), context, peers) }],
    }),
  };
}

export const convertCases = [
  convertCase("convert-bin-2.9", "pytorch_model.bin of 2.9 GB to safetensors", {
    size: 2.9,
    kind: "bin",
    peers: TORCH,
    times: 1.15,
  }),
  convertCase("convert-bin-14.6", "pytorch_model.bin of 14.6 GB to safetensors", {
    size: 14.6,
    kind: "bin",
    peers: MMAP,
    times: 1.15,
  }),
  convertCase(
    "convert-fortran-2.9",
    "model_state.pdparams of 2.9 GB, column-major, to safetensors",
    {
      size: 2.9,
      kind: "fortran",
      peers: PADDLE,
      times: 1.15,
    },
  ),
  convertCase(
    "convert-transpose-2.9",
    "model_state.pdparams of 2.9 GB, every Linear weight transposed",
    {
      size: 2.9,
      kind: "c",
      peers: PADDLE,
      times: 1.6,
    },
  ),
  convertCase("quick-convert-bin", "pytorch_model.bin of 0.3 GB to safetensors", {
    quick: true,
    size: 0.3,
    kind: "bin",
    times: 1.15,
  }),
  convertCase("quick-convert-transpose", "model_state.pdparams of 0.3 GB, transposed", {
    quick: true,
    size: 0.3,
    kind: "c",
    times: 1.6,
  }),
];
