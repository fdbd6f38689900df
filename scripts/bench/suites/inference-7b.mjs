// InternLM-7B's own size: resident in bf16 beside transformers, and in f32 under a limit of memory, where weights are streamed.
import { join } from "node:path";
import { files7b, filesQuantised7b } from "../inference/files.mjs";
import { LOAD, programs, SPEEDS } from "../inference/programs.mjs";
import { SECONDS } from "./files.mjs";

const WORK = { prefill: 32, decode: 16 };
const OURS = "weighbridge bf16";
const PEER = "transformers bf16";
const STREAMED = "weighbridge logits";
/** What transformers took on a machine of this kind, for where it is not run; `npm run bench -- --all-peers` measures it anew. */
const KNOWN = { loadSeconds: 43, prefill: 11.4, decode: 1.7, peakGigabytes: 23.6 };
const MIB = 2 ** 20;
const LIMIT_BYTES = 4e9;

const METRICS = [{ ...LOAD, chart: true }, ...SPEEDS];

const beside = METRICS.map(({ key, name }) => ({
  of: OURS,
  to: PEER,
  key,
  times: 1,
  atLeast: key !== "loadSeconds",
  text: `${name} faster than ${PEER}`,
}));
const againstKnown = METRICS.map(({ key, name, unit }) => ({
  of: OURS,
  key,
  limit: KNOWN[key],
  atLeast: key !== "loadSeconds",
  text: `${name} faster than the ${KNOWN[key]} ${unit} known of transformers`,
}));
const memory = [
  { of: OURS, to: PEER, key: "peakBytes", times: 1, text: `less memory than ${PEER}` },
  {
    of: OURS,
    key: "peakBytes",
    limit: (KNOWN.peakGigabytes * 1e9) / MIB,
    text: `less memory than the ${KNOWN.peakGigabytes} GB known of transformers (here in MiB)`,
  },
];

function resident(context) {
  const { ours, transformers } = programs(context, files7b(context), WORK);
  const missing = context.allPeers
    ? undefined
    : `left out: it takes ${KNOWN.peakGigabytes} GB and minutes; --all-peers runs it`;
  return [
    ours(OURS, "cpu", "bf16"),
    transformers(PEER, "bf16", { missing, rounds: context.peerRounds }),
  ];
}

/** The same ids as the programs of inference take. */
const ids = Array.from({ length: WORK.prefill }, (_, i) => 3 + ((i * 7919) % 30000)).join(",");

function streamed(context) {
  const model = files7b(context).model();
  const options = ["--max-memory", "4GB", "--device", "cpu", "--compute", "f32"];
  const shown = `weighbridge logits internlm-7b --input-ids … ${options.join(" ")}`;
  const command = [process.execPath, context.program, "logits", model, "--input-ids", ids];
  return [
    {
      name: "reading the file",
      shown: "cat pytorch_model.bin > /dev/null",
      command: ["bash", "-c", 'cat "$0" > /dev/null', join(model, "pytorch_model.bin")],
    },
    { name: STREAMED, shown, command: [...command, ...options, "--quiet"] },
  ];
}

const QUANTISED = "weighbridge Q4_0";
const ROUNDED = `${QUANTISED} int8`;
const QUANTISED_PEER = "llama.cpp Q4_0";
/** Tokens a second that bfloat16 makes of as many parameters on a machine of this kind. */
const KNOWN_BF16 = 3.4;

const quantisedAims = [
  {
    times: 0.95,
    key: "decode",
    to: QUANTISED_PEER,
    text: `decode at least 0.95 × ${QUANTISED_PEER}`,
  },
  {
    times: 0.8,
    key: "prefill",
    to: QUANTISED_PEER,
    text: `prefill at least 0.8 × ${QUANTISED_PEER}`,
  },
  {
    limit: 2 * KNOWN_BF16,
    key: "decode",
    text: `decode at least twice the ${KNOWN_BF16} tokens/s of bfloat16`,
  },
].flatMap((aim) => [
  { of: QUANTISED, atLeast: true, ...aim },
  {
    of: ROUNDED,
    atLeast: true,
    ...aim,
    text: aim.text.replace("decode", "decode int8").replace("prefill", "prefill int8"),
  },
]);

function quantised(context) {
  const { ours, llamaOf } = programs(context, filesQuantised7b(context), WORK);
  return [
    ours(QUANTISED, "cpu", "f32", { file: "Q4_0" }),
    ours(ROUNDED, "cpu", "int8", { file: "Q4_0" }),
    llamaOf(QUANTISED_PEER, "Q4_0"),
  ];
}

export const largeCases = [
  {
    id: "inference-7b-q4_0",
    part: "inference",
    title: `7 billion parameters in Q4_0: prefill ${WORK.prefill}, decode ${WORK.decode}`,
    make: (context) => ({
      base: QUANTISED_PEER,
      metrics: [...SPEEDS, { ...LOAD, compare: false }],
      aims: [
        ...quantisedAims,
        { of: QUANTISED, key: "peakBytes", limit: 6e9 / MIB, text: "at most 6 GB (here in MiB)" },
      ],
      points: [{ contenders: () => quantised(context) }],
    }),
  },
  {
    id: "inference-7b",
    part: "inference",
    title: `7 billion parameters in bf16, resident: load, prefill ${WORK.prefill}, decode ${WORK.decode}`,
    make: (context) => ({
      base: PEER,
      metrics: METRICS,
      aims: [...beside, memory[0], ...againstKnown, memory[1]],
      points: [{ contenders: () => resident(context) }],
    }),
  },
  {
    id: "inference-7b-streamed",
    part: "inference",
    title: `7 billion parameters in f32 with 4 GB of memory: logits of ${WORK.prefill} tokens`,
    make: (context) => ({
      base: "reading the file",
      metrics: SECONDS,
      aims: [
        {
          of: STREAMED,
          key: "peakBytes",
          limit: LIMIT_BYTES / MIB,
          text: "at most 4 GB (here in MiB)",
        },
      ],
      points: [{ contenders: () => streamed(context) }],
    }),
  },
];
