// MMLU with five worked examples beside OpenCompass and lm-evaluation-harness: the same rows, model and machine.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { mmluRows, realModel } from "../evaluate/files.mjs";

const ROWS = 8;
const METRICS = [
  { key: "askSeconds", name: "asking", unit: "s" },
  { key: "tokens", name: "tokens computed", unit: "" },
];

/** What the last line of a program's output says. */
function read(output) {
  const { version, askSeconds, tokens, peakBytes } = JSON.parse(output.trim().split("\n").at(-1));
  return { askSeconds, tokens, peakBytes, facts: { version } };
}

/** The interpreter of an environment of a peer's own, or why there is none. */
function environment({ root }, name) {
  const python = join(root, ".scratch", name, "bin/python");
  return existsSync(python)
    ? { python }
    : {
        python,
        missing: `.scratch/${name} is not there: run node scripts/own-environment.mjs ${name}`,
      };
}

function contenders(context) {
  const { root } = context;
  const model = realModel(context);
  const { data, subjects } = mmluRows(context, ROWS);
  const names = subjects.join(",");
  const script = (name) => join(root, "scripts/bench", name);
  const common = { read, env: { HF_HUB_OFFLINE: "1", PYTHONNOUSERSITE: "1" } };
  const ours = (name, device, sharing) => ({
    ...common,
    name,
    command: [
      process.execPath,
      script("evaluate/run_weighbridge.mjs"),
      model,
      data,
      names,
      device,
      sharing,
    ],
    shown: `node evaluate/run_weighbridge.mjs smollm2-135m DATA ${names} ${device} ${sharing}`,
  });
  const peer = (name, { python, missing }, file, more = []) => ({
    ...common,
    name,
    missing,
    rounds: context.peerRounds,
    command: [python, "-W", "ignore", script(`peers/${file}`), model, data, names, ...more],
    shown:
      `python peers/${file} smollm2-135m DATA ${names} ${more.slice(0, 1).join(" ")}`.trimEnd(),
  });
  const packages = join(root, ".venv/lib/python3.11/site-packages");
  const lmEval = environment(context, "lm-eval");
  return [
    ours("weighbridge", "cpu", "shared"),
    ours("weighbridge wasm", "wasm", "shared"),
    ours("weighbridge --no-sharing", "cpu", "whole"),
    peer("OpenCompass 0.1.5", environment(context, "opencompass"), "run_opencompass.py"),
    peer("lm-eval 0.4.13", lmEval, "run_lm_eval.py", ["1", packages]),
  ];
}

export const evaluateCases = [
  {
    id: "evaluate-mmlu",
    part: "evaluate",
    title: `MMLU, 5 shots, ${2 * ROWS} rows, SmolLM2-135M in f32`,
    make: (context) => ({
      base: "OpenCompass 0.1.5",
      metrics: METRICS,
      aims: [
        {
          of: "weighbridge",
          to: "OpenCompass 0.1.5",
          key: "tokens",
          times: 0.1,
          text: "at most a tenth of OpenCompass's tokens",
        },
        ...["OpenCompass 0.1.5", "lm-eval 0.4.13"].map((to) => ({
          of: "weighbridge",
          to,
          key: "askSeconds",
          times: 0.2,
          text: `at most a fifth of the time of ${to}`,
        })),
      ],
      points: [{ contenders: () => contenders(context) }],
    }),
  },
];
