import type { CodeTable } from "../code-table.ts";

/** Codes of the pickle machine (x2xx). */
export const PICKLE_CODES = {
  WB3201: {
    title: "the pickle ends early",
    meaning: "An opcode or its argument reaches past the end of the file, or STOP never comes.",
    remedy: "Download or copy the file again and compare its size with the original's.",
    details: { where: "string", "offset?": "number", "needed?": "number", "left?": "number" },
  },
  WB3202: {
    title: "not an opcode of pickle",
    meaning: "A byte where an opcode must stand is none. The file is damaged, or it is no pickle.",
    remedy:
      "Download the file again; `weighbridge scan` tells what was understood before that byte.",
    details: { path: "string", "offset?": "number", "byte?": "number" },
  },
  WB3203: {
    title: "the pickle's stack does not fit its opcode",
    meaning:
      "An opcode takes a value that is not there or is of another kind. Python's pickle module writes no such file.",
    remedy: "Download the file again; a file that fails twice was damaged or written by hand.",
    details: { where: "string", "offset?": "number" },
  },
  WB3205: {
    title: "the pickle fetches a memo entry that was never stored",
    meaning: "GET names a memo index that no PUT or MEMOIZE before it has filled.",
    remedy: "Download the file again; a file that fails twice was damaged or written by hand.",
    details: { where: "string" },
  },
  WB3206: {
    title: "a malformed argument in the pickle",
    meaning:
      "The text of a number, or a string's bytes, are not what the opcode's definition allows.",
    remedy: "Download the file again; a file that fails twice was damaged or written by hand.",
    details: { where: "string", "offset?": "number" },
  },
  WB4201: {
    title: "a pickle feature that is not supported",
    meaning: "The pickle needs a protocol beyond 5, or buffers that are stored outside of it.",
    remedy: "Save the checkpoint again with its framework's default settings.",
    details: { where: "string" },
  },
  WB5201: {
    title: "the pickle names a global outside the allow-list",
    meaning:
      "Loading this file in Python would import that name, and perhaps call it. weighbridge never does, and refuses the file: a state dict needs no such name.",
    remedy:
      "Do not load this file with pickle or torch.load(weights_only=False). `weighbridge scan FILE` lists every name in it; --data-only takes the tensors alone, and still calls nothing.",
    details: { path: "string", module: "string", name: "string", offset: "number" },
  },
  WB5202: {
    title: "the pickle calls something that is not a plain global",
    meaning:
      "The callee is the result of another call, or comes from Python's extension registry: how payloads hide.",
    remedy: "Do not load this file with pickle. `weighbridge scan FILE` lists every name in it.",
    details: { where: "string", offset: "number" },
  },
  WB5203: {
    title: "the pickle builds a global's name from values that are not plain strings",
    meaning:
      "STACK_GLOBAL takes module and name from the stack; here they are not strings, which hides what is imported.",
    remedy: "Do not load this file with pickle. `weighbridge scan FILE` lists every name in it.",
    details: { where: "string", offset: "number" },
  },
  WB5204: {
    title: "the pickle is beyond the limits of an honest one",
    meaning:
      "It has more opcodes, deeper nesting or longer texts than any checkpoint needs: a bomb.",
    remedy: "If the file is honest, save it again as a plain state dict; else delete it.",
    details: { where: "string", "offset?": "number" },
  },
} as const satisfies CodeTable;
