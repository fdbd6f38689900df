import type { CodeTable } from "../code-table.ts";

/** Codes of safetensors files (x5xx). */
export const SAFETENSORS_CODES = {
  WB3501: {
    title: "a safetensors file without its header",
    meaning:
      "The file is shorter than the 8 bytes of the header's length, or the header reaches beyond the file's end: the file is truncated, or no safetensors file.",
    remedy: "Download or copy the file again and compare its size with the original's.",
    details: { path: "string" },
  },
  WB3502: {
    title: "a safetensors header that is not strict JSON",
    meaning:
      "The header is damaged, not UTF-8, or says one name twice. Lenient parsers let such headers through, and then two programs read two different files.",
    remedy: "Write the file again with a current safetensors library.",
    details: { "byte?": "number", path: "string", "found?": "string" },
  },
  WB3503: {
    title: "a damaged entry in a safetensors header",
    meaning: "A tensor's dtype, shape or data_offsets are missing or of the wrong kind.",
    remedy: "Write the file again with a current safetensors library.",
    details: { "byte?": "number", path: "string", expected: "string", found: "string" },
  },
  WB3504: {
    title: "safetensors data with holes, overlaps or bytes to spare",
    meaning:
      "The tensors' byte ranges must fill the file's data exactly, one after another. Anything else is truncation, damage, or a file with something hidden in it.",
    remedy: "Download or copy the file again; if it persists, write it again from its source.",
    details: { path: "string", expected: "number", "tensor?": "string", "found?": "number" },
  },
  WB3505: {
    title: "a safetensors tensor whose size is not that of its shape",
    meaning: "The byte range of a tensor is longer or shorter than its shape and dtype ask for.",
    remedy: "Download or copy the file again; if it persists, write it again from its source.",
    details: { path: "string", tensor: "string" },
  },
  WB4501: {
    title: "a safetensors dtype that is not known",
    meaning: "The header names a dtype that the format did not have when weighbridge was written.",
    remedy: "Update weighbridge, or store the tensor in another dtype.",
    details: { path: "string", byte: "number" },
  },
  WB5501: {
    title: "an oversized safetensors header",
    meaning:
      "The header is longer than 100,000,000 bytes, or holds millions of values. No checkpoint needs that, and reading it could use up all memory.",
    remedy: "Do not trust the file; a 7B model's header has about 40 KiB.",
    details: { path: "string" },
  },
} as const satisfies CodeTable;
