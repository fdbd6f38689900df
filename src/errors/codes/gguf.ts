import type { CodeTable } from "../code-table.ts";

/** Codes of GGUF files (x511 on). */
export const GGUF_CODES = {
  WB3511: {
    title: "a damaged GGUF header",
    meaning:
      "The file ends inside its header, or the header has a type, a count or a text that no GGUF file has: the file is truncated or damaged.",
    remedy: "Download or copy the file again and compare its size with the original's.",
    details: { path: "string", offset: "number" },
  },
  WB3512: {
    title: "GGUF tensors that are not where they must be",
    meaning:
      "Tensors must follow one another in the header's order, each aligned, and end inside the file. Anything else is truncation, damage, or a file with something hidden in it.",
    remedy: "Download or copy the file again; if it persists, write it again from its source.",
    details: { path: "string", tensor: "string" },
  },
  WB3513: {
    title: "a damaged importance matrix",
    meaning:
      "The file is no importance matrix of llama-imatrix in either of its forms, or its lengths, names, counts or sums are none that it writes: sums of squares are finite, and not below 0.",
    remedy: "Take the file that llama-quantize was given with --imatrix, and copy it again.",
    details: { path: "string", offset: "number" },
  },
  WB4511: {
    title: "a GGUF version or quantisation that is not read",
    meaning:
      "Versions 2 and 3 are read; of the quantised types Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2_K to Q6_K, IQ4_NL, IQ4_XS and MXFP4, in little-endian order.",
    remedy: "Write the file with a type that is read, from the weights that it was made of.",
    details: { path: "string", "tensor?": "string", found: "string" },
  },
  WB4512: {
    title: "a model that GGUF files cannot say",
    meaning:
      "llama.cpp has no name for the architecture that is written, or no place for a setting of this model; a file without it would compute something else.",
    remedy: "Convert to safetensors, or take a model without the setting that the message names.",
    details: { "path?": "string", field: "string" },
  },
  WB4513: {
    title: "numbers that a quantised type cannot say",
    meaning:
      "A block has a number that is not finite, or so large that its scale is beyond binary16's range.",
    remedy: "Look at the tensor with `inspect` and `diff`; write it with --quantize F32 or BF16.",
    details: { tensor: "string", type: "string" },
  },
  WB5511: {
    title: "a GGUF count beyond all bounds",
    meaning:
      "A number of keys, tensors or items, or the length of a text, is larger than any real file's. Nothing was allocated for it.",
    remedy: "Do not use this file; ask its publisher for another.",
    details: { path: "string", offset: "number" },
  },
} as const satisfies CodeTable;
