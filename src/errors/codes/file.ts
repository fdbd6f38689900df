import type { CodeTable } from "../code-table.ts";

/** Codes of the file layer (30xx): what can be wrong before any format is known. */
export const FILE_CODES = {
  WB3001: {
    title: "no such file or folder",
    meaning: "A path that was given, or that an index names, does not exist.",
    remedy: "Check the path; a model folder holds config.json and at least one file of weights.",
  },
  WB3002: {
    title: "not a regular file",
    meaning:
      "The path leads to a folder, a FIFO, a socket or a device where a file of weights is needed.",
    remedy: "Give the path of a regular file.",
  },
  WB3003: {
    title: "the file ends early",
    meaning:
      "Bytes that the file's own header promises are not there: it is truncated, or it shrank while being read.",
    remedy: "Download or copy the file again and compare its size with the original's.",
  },
} as const satisfies CodeTable;
