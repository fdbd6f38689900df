import type { CodeTable } from "../code-table.ts";

/** Codes of running a model: its backend (62xx) and the weights that it is given. */
export const RUNTIME_CODES = {
  WB2806: {
    title: "a text of more tokens than the model has positions",
    meaning:
      "The model has learned one embedding for each position (GPT-2, OPT), so that there is none for what stands behind the last. With the prompt, the new tokens count.",
    remedy: "Give a shorter prompt, or ask for fewer tokens with --max-new-tokens.",
    details: { tokens: "number", limit: "number" },
  },
  WB3780: {
    title: "a weight that the model needs is missing or has another shape",
    meaning:
      "config.json describes a model whose weights differ in name or shape from those in the checkpoint.",
    remedy: "`weighbridge check MODEL` lists every missing and unexpected name and shape.",
    details: { "tensor?": "string", "problems?": "number", "path?": "string" },
  },
  WB4780: {
    title: "weights of a dtype that the runtime cannot compute with",
    meaning:
      "Only F16, BF16, F32 and F64 weights have a defined meaning in a forward pass; 8-bit formats need scales that the file does not tell.",
    remedy: "Convert the weights to F16, BF16 or F32 first.",
    details: { tensor: "string", dtype: "string" },
  },
  WB6201: {
    title: "the device that was asked for is not there",
    meaning:
      "--device names a backend that is not installed, or a GPU that TensorFlow does not see. weighbridge never takes another one silently.",
    remedy:
      "`weighbridge doctor` lists the devices and how to get the others; or use --device auto.",
    details: { device: "string" },
  },
  WB6202: {
    title: "the backend failed",
    meaning: "An operation on the device did not run to its end, so that there is no result.",
    remedy: "Try --device wasm; report the message if that works.",
    details: { "operation?": "string" },
  },
  WB6203: {
    title: "the device cannot compute in that dtype",
    meaning: "The WebAssembly backend has float32 only; half dtypes need native TensorFlow.",
    remedy:
      "Leave out --compute, or run `weighbridge native install` and use --device cpu or cuda.",
    details: { device: "string", compute: "string" },
  },
  WB6204: {
    title: "there is nothing that activations in int8 would make faster",
    meaning:
      "Activations are rounded to int8 only for matrices in GGUF's blocks, which the kernels for the CPU multiply as they are stored, in float32. Elsewhere the option would have no effect.",
    remedy:
      "Leave out --activations; or run `weighbridge native install` and use --device cpu with a quantised GGUF file, without --compute.",
    details: { why: "string" },
  },
} as const satisfies CodeTable;
