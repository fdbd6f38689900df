// Looking at a checkpoint beside what a Python user waits for: Python itself, torch, and torch.load of a mapped file.
import { dirname, join } from "node:path";
import { makeModel } from "../models.mjs";

const SECONDS = [{ key: "seconds", name: "time", unit: "s" }];
const NULL_TARGET = "out";

const model = (context, size, kind) =>
  makeModel(context.models, size, kind, {
    python: context.python,
    script: join(context.root, "scripts/bench/make_model.py"),
    log: context.log,
  });

function lookCase(id, size, { quick = false } = {}) {
  return {
    id,
    quick,
    title: `looking at pytorch_model.bin of ${size} GB`,
    make: (context) => {
      const source = model(context, size, "bin");
      const ours = (name, ...args) => ({
        name: `weighbridge ${name}`,
        shown: `weighbridge ${name} pytorch_model.bin`,
        command: [process.execPath, context.program, ...args],
      });
      return {
        base: "python start",
        metrics: SECONDS,
        rounds: 5,
        aims: ["inspect", "check", "scan", "convert --dry-run"].flatMap((name) => [
          { of: `weighbridge ${name}`, limit: 0.5, text: `${name} in 0.5 s` },
          {
            of: `weighbridge ${name}`,
            key: "peakBytes",
            limit: 100,
            text: `${name} in 100 MiB`,
          },
        ]),
        points: [
          {
            contenders: [
              {
                name: "python start",
                shown: "python -c pass",
                command: [context.python, "-c", "pass"],
              },
              {
                name: "import torch",
                shown: "python -c 'import torch'",
                command: [context.python, "-c", "import torch"],
              },
              {
                name: "torch.load(mmap)",
                shown: "python -c 'import torch; torch.load(FILE, mmap=True)'",
                command: [
                  context.python,
                  "-c",
                  "import sys, torch; torch.load(sys.argv[1], weights_only=True, mmap=True)",
                  source,
                ],
              },
              ours("inspect", "inspect", source, "--quiet"),
              ours("check", "check", dirname(source), "--quiet"),
              ours("scan", "scan", source, "--quiet"),
              ours(
                "convert --dry-run",
                "convert",
                source,
                join(context.models, NULL_TARGET),
                "--dry-run",
                "--quiet",
              ),
            ],
          },
        ],
      };
    },
  };
}

export const lookCases = [
  lookCase("look-14.6", 14.6),
  lookCase("quick-look", 0.3, { quick: true }),
];
