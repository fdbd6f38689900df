import type { CodeTable } from "../code-table.ts";

/** Codes that belong to no format: differences (1), usage (2), environment (6), our own faults (7), interruption (9). */
export const GENERAL_CODES = {
  WB2001: {
    title: "wrong usage",
    meaning:
      "The command line names an unknown command or option, or an option has a value it cannot have.",
    remedy: "Run `weighbridge COMMAND --help`.",
    details: {
      "option?": "string",
      "found?": "string | number",
      "expected?": "string",
      "near?": "string | null",
      "tensor?": "string",
    },
  },
  WB2002: {
    title: "a setting outside the command line is wrong",
    meaning:
      "weighbridge.config.json, or a variable WEIGHBRIDGE_*, is damaged or has a value of the wrong kind.",
    remedy: "Run `weighbridge config print` to see where each value comes from.",
    details: {
      "path?": "string",
      "where?": "string",
      "option?": "string",
      "key?": "string",
      "near?": "string | null",
      "byte?": "number",
      "expected?": "string",
      "found?": "string",
    },
  },
  WB6001: {
    title: "not enough disk space",
    meaning: "The target's file system has less free space than the files to be written need.",
    remedy: "Free some space, or choose another target folder.",
    details: { path: "string", "needed?": "number", "free?": "number" },
  },
  WB6002: {
    title: "the operating system refused a read or a write",
    meaning:
      "A system call failed for a reason outside the file's content: permissions, quota, a failing disk.",
    remedy: "Read the system's reason in the message, mend it, and run the command again.",
    details: { "path?": "string" },
  },
  WB6003: {
    title: "not enough memory",
    meaning: "The work does not fit into the memory that it may use.",
    remedy:
      "Raise --max-memory where the message says how far; else choose a smaller --compute dtype, or fewer or shorter prompts.",
    details: {
      "path?": "string",
      "resident?": "number",
      "streamed?": "number",
      "limit?": "number",
      "operation?": "string",
      "bytes?": "number",
    },
  },
  WB6004: {
    title: "a file would be larger than it may be",
    meaning:
      "This process may not write files beyond a size (`ulimit -f`), or the file system has no larger ones (4 GiB on FAT).",
    remedy: "Raise the limit (`ulimit -f unlimited`), or choose a folder on another file system.",
    details: { path: "string" },
  },
  WB7001: {
    title: "a fault in weighbridge",
    meaning: "Something happened that weighbridge's own code rules out.",
    remedy: "Please report it with the command, the message and `--verbose` output.",
    details: {},
  },
  WB9001: {
    title: "interrupted",
    meaning:
      "The work was stopped by Ctrl-C, a termination signal or an AbortSignal. Nothing half-written was left behind.",
    remedy: "Run it again; `convert --resume` goes on where it stopped.",
    details: {},
  },
} as const satisfies CodeTable;
