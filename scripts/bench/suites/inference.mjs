// Prefill and greedy decode beside transformers, ONNX Runtime and llama.cpp, all on the same weights.
import { files217m, filesQuantised, filesQuick } from "../inference/files.mjs";
import { LOAD, programs, SPEEDS } from "../inference/programs.mjs";

const WORK = { prefill: 128, decode: 64 };
const QUICK_WORK = { prefill: 64, decode: 32 };
/** Without the ratio's column: peers load what they need at other times, one of them when the first token asks for it. */
const PLAIN_LOAD = { ...LOAD, compare: false };

/** An aim for each peer and metric: `ours` at least `times` as fast. */
const fasterThan = (ours, peer, times = 1, told = "") =>
  ["prefill", "decode"].map((key) => ({
    of: ours,
    to: peer,
    key,
    times,
    atLeast: true,
    text: `${key}${told} ${times === 1 ? "faster than" : `at least ${times} ×`} ${peer}`,
  }));

const case217m = (id, title, { base, names, aims, list }) => ({
  id,
  part: "inference",
  title: `${title}: prefill ${WORK.prefill}, decode ${WORK.decode}`,
  names,
  make: (context) => ({
    base,
    metrics: [...SPEEDS, PLAIN_LOAD],
    aims,
    points: [
      {
        contenders: () => list(programs(context, files217m(context), WORK)),
      },
    ],
  }),
});

/** Within 1.05 × of a peer's time. */
const WITHIN = Number((1 / 1.05).toFixed(3));

const small = {
  id: "quick-inference",
  part: "inference",
  quick: true,
  title: "43 million parameters: prefill 64, decode 32",
  make: (context) => ({
    base: "transformers f32",
    metrics: SPEEDS,
    rounds: 2,
    points: [
      {
        contenders: () => {
          const { ours, transformers } = programs(context, filesQuick(context), QUICK_WORK);
          return [
            transformers("transformers f32", "f32"),
            ours("TensorFlow's operations f32", "cpu", "f32", {
              env: { WEIGHBRIDGE_KERNELS: "off" },
            }),
            ours("weighbridge f32", "cpu", "f32"),
            ours("weighbridge bf16", "cpu", "bf16"),
          ];
        },
      },
    ],
  }),
};

/** SmolLM2-135M in quantised blocks, each program on the same file. */
const quantised = (type) => ({
  id: `inference-${type.toLowerCase()}`,
  part: "inference",
  title: `SmolLM2-135M in ${type}: prefill ${WORK.prefill}, decode ${WORK.decode}`,
  names: [`weighbridge ${type}`, `weighbridge ${type} int8`, `llama.cpp ${type}`],
  make: (context) => ({
    base: `llama.cpp ${type}`,
    metrics: [...SPEEDS, PLAIN_LOAD],
    aims: ["", " int8"].flatMap((told) =>
      fasterThan(`weighbridge ${type}${told}`, `llama.cpp ${type}`, 0.95, told)
        .filter(({ key }) => key === "decode")
        .concat(
          fasterThan(`weighbridge ${type}${told}`, `llama.cpp ${type}`, 0.8, told).filter(
            ({ key }) => key === "prefill",
          ),
        ),
    ),
    points: [
      {
        contenders: () => {
          const { ours, llamaOf } = programs(context, filesQuantised(context), WORK);
          return [
            ours(`weighbridge ${type}`, "cpu", "f32", { file: type }),
            ours(`weighbridge ${type} int8`, "cpu", "int8", { file: type }),
            llamaOf(`llama.cpp ${type}`, type),
          ];
        },
      },
    ],
  }),
});

export const inferenceCases = [
  case217m("inference-f32", "217 million parameters in f32", {
    base: "transformers f32",
    names: [
      "weighbridge f32",
      "weighbridge f32 of f32",
      "transformers f32",
      "onnxruntime f32",
      "llama.cpp f32",
    ],
    aims: ["transformers f32", "onnxruntime f32", "llama.cpp f32"].flatMap((peer) =>
      fasterThan("weighbridge f32", peer),
    ),
    list: ({ ours, transformers, onnx, llama }) => [
      ours("weighbridge f32", "cpu", "f32"),
      ours("weighbridge f32 of f32", "cpu", "f32", { file: "converted-f32" }),
      transformers("transformers f32", "f32"),
      onnx("onnxruntime f32", "node"),
      llama("llama.cpp f32", "f32"),
    ],
  }),
  case217m("inference-bf16", "217 million parameters in bf16", {
    base: "transformers bf16",
    names: ["weighbridge bf16", "transformers bf16", "llama.cpp bf16"],
    aims: [
      ...fasterThan("weighbridge bf16", "transformers bf16"),
      ...fasterThan("weighbridge bf16", "llama.cpp bf16", WITHIN),
    ],
    list: ({ ours, transformers, llama }) => [
      ours("weighbridge bf16", "cpu", "bf16"),
      transformers("transformers bf16", "bf16"),
      llama("llama.cpp bf16", "bf16"),
    ],
  }),
  case217m("inference-wasm", "217 million parameters in f32 on WebAssembly", {
    base: "onnxruntime-web wasm",
    names: ["weighbridge wasm", "onnxruntime-web wasm"],
    aims: fasterThan("weighbridge wasm", "onnxruntime-web wasm"),
    list: ({ ours, onnx }) => [
      ours("weighbridge wasm", "wasm", "f32"),
      onnx("onnxruntime-web wasm", "web"),
    ],
  }),
  quantised("Q8_0"),
  quantised("Q4_0"),
  small,
];
