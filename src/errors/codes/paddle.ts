import type { CodeTable } from "../code-table.ts";

/** Codes of PaddlePaddle files and numpy arrays (x4xx). */
export const PADDLE_CODES = {
  WB3401: {
    title: "not a file that paddle.save wrote",
    meaning: "The file is a pickle, but it holds no arrays, or something else than a dict of them.",
    remedy: "Check that this is the file of weights; `weighbridge scan FILE` tells what is in it.",
    details: { path: "string" },
  },
  WB3402: {
    title: "an array's description is malformed",
    meaning: "The shape, dtype or data of a numpy array are not written as numpy writes them.",
    remedy: "Download the file again; a file that fails twice was damaged or written by hand.",
    details: { where: "string" },
  },
  WB3403: {
    title: "an array's data has another size than its shape and dtype need",
    meaning: "The bytes of the array are too few or too many for the elements that it declares.",
    remedy: "Download or copy the file again and compare its size with the original's.",
    details: { where: "string", "expected?": "number", "found?": "number" },
  },
  WB3404: {
    title: "the slices of a large parameter do not fit together",
    meaning:
      "UnpackBigParamInfor@@ names slices that are missing, of other dtypes, or of another total size.",
    remedy: "Download the file again; a file that fails twice was damaged or written by hand.",
    details: { path: "string" },
  },
  WB3405: {
    title: "damaged tensors in Paddle's binary form",
    meaning:
      "A file such as inference.pdiparams holds tensors one after another, each with its type and shape. Here one is cut off, or something else follows.",
    remedy: "Download or copy the file again and compare its size with the original's.",
    details: { path: "string", offset: "number" },
  },
  WB3406: {
    title: "tensors in Paddle's binary form without their names",
    meaning:
      "A .pdiparams has no names in it: they stand in the program beside it, X.json (Paddle 3) or X.pdmodel. The program is missing, is no program, or is that of other tensors.",
    remedy:
      "Copy the program of the same export beside the file; `--select .` names the tensors by their positions.",
    details: { path: "string" },
  },
  WB4401: {
    title: "an array of a dtype that is not supported",
    meaning: "Object, text, date and structured arrays are not tensors.",
    remedy: "Save numeric arrays only.",
    details: { where: "string" },
  },
} as const satisfies CodeTable;
