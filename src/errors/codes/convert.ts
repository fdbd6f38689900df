import type { CodeTable } from "../code-table.ts";

/** Codes of conversions (x9xx, beside 6001 and 6002). */
export const CONVERT_CODES = {
  WB2901: {
    title: "the target is already there",
    meaning: "The target folder holds a model or other files that the conversion would replace.",
    remedy: "Choose another folder, or replace what is there with --force.",
    details: { path: "string" },
  },
  WB2902: {
    title: "the target is the source",
    meaning:
      "The conversion would write over, or into, the folder that it reads from. The source is never written to.",
    remedy: "Choose another target folder.",
    details: { path: "string" },
  },
  WB2903: {
    title: "nothing to resume",
    meaning:
      "--resume was given, but the target holds no interrupted conversion, or one of another source or other options.",
    remedy: "Leave out --resume, or give the same source and options as before.",
    details: { path: "string" },
  },
  WB2904: {
    title: "another conversion to this target is running or was interrupted",
    meaning: "Two conversions to one target would mix their files; the second is refused.",
    remedy:
      "Wait for the other one; after an interruption go on with --resume, or start anew with --force.",
    details: { path: "string" },
  },
  WB1901: {
    title: "the written file differs from what was meant to be written",
    meaning:
      "Read back from the file, a tensor has other bytes than were written: the disk or the machine's memory is at fault.",
    remedy:
      "Check the disk and the machine's memory, then convert again. The target was not put in place.",
    details: { path: "string", "tensor?": "string" },
  },
  WB1902: {
    title: "the written file cannot be opened again",
    meaning:
      "Every file is opened by weighbridge's own strict reader before it gets its name. This one was refused, or holds other tensors than were planned.",
    remedy:
      "This is a fault of weighbridge's: please report it with the message. The target was not put in place.",
    details: { path: "string" },
  },
  WB2905: {
    title: "the plan is of another source or of other options",
    meaning:
      "A part may only be written from the very files, with the very options and by the very version of weighbridge that the plan was made with: otherwise the union would be of no one model.",
    remedy:
      "Give the source and options as they were, or make a new plan (`convert SRC DST --plan FILE --force`) and start its parts anew.",
    details: {
      path: "string",
      what: "string",
      expected: "string | number | null",
      found: "string | number",
    },
  },
  WB3901: {
    title: "a damaged plan of parts",
    meaning:
      "The file that --plan names is no plan, or was changed after weighbridge wrote it: it does not fit its own digest.",
    remedy: "Make it anew: `convert SRC DST --plan FILE --force`.",
    details: { "byte?": "number", path: "string", "expected?": "string", "found?": "string" },
  },
  WB3902: {
    title: "parts of the conversion are missing",
    meaning:
      "--finish found files of the plan that no part has written yet, or that were damaged since. Nothing was put in place.",
    remedy: "Run the parts that the message names, then --finish again.",
    details: { path: "string", missing: "string[]", damaged: "string[]", parts: "string[]" },
  },
  WB4901: {
    title: "a dtype that the target format cannot hold",
    meaning:
      "safetensors has no complex128, PyTorch's and Paddle's files lack some of the 8-bit floats.",
    remedy:
      "Choose another target with --to, or split the tensor into parts that can be held before converting.",
    details: { tensor: "string", dtype: "string", "path?": "string" },
  },
  WB4903: {
    title: "a name or a shape that the target format cannot hold",
    meaning:
      "A tensor's name means something else in the target format or is no Unicode text, or it has more dimensions than the format's library reads. The file would not open.",
    remedy: "Rename or reshape the tensor before saving, or write another format (--to).",
    details: { tensor: "string", format: "string" },
  },
  WB4904: {
    title: "a tensor that makes much of a few bytes",
    meaning:
      "Strides of 0, and the zeros of a sparse tensor, let a small storage stand for a large tensor. Written in full it would take more than 16 times the bytes that are there.",
    remedy:
      "If that is meant, give --allow-expansion; else leave the tensor out of the checkpoint.",
    details: { tensor: "string", elements: "number", expanded: "number" },
  },
  WB4902: {
    title: "a plan of parts in a form that is not supported",
    meaning: "The plan's schemaVersion is one that this version of weighbridge does not know.",
    remedy: "Use the version of weighbridge that wrote the plan on all machines.",
    details: { path: "string", found: "number" },
  },
  WB5901: {
    title: "a plan of parts that leaves its folder",
    meaning:
      "A file name in the plan is absolute or goes up a folder: it was not weighbridge that wrote it.",
    remedy: "Do not trust the plan; make it anew: `convert SRC DST --plan FILE --force`.",
    details: { path: "string", "file?": "string" },
  },
} as const satisfies CodeTable;
