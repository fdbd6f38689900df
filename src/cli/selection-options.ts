import type { Argv } from "yargs";
import type { Selection } from "../formats/open.ts";
import { flag, optionalString, texts } from "./arguments.ts";
import type { Arguments } from "./command.ts";

/** The options that say which of a file's tensors are meant, and under what names. */
export function withSelectionOptions(argv: Argv): Argv {
  return argv
    .option("select", {
      type: "string",
      describe: "the path of keys in the file to the state that is meant; . takes all of it",
    })
    .option("strip-prefix", {
      type: "string",
      array: true,
      nargs: 1,
      describe: "take this beginning off the names that have it",
    })
    .option("rename", {
      type: "string",
      array: true,
      nargs: 1,
      describe: "FROM=TO for whole names; * stands for any characters, the same in both",
    })
    .option("drop", {
      type: "string",
      array: true,
      nargs: 1,
      describe: "leave out the tensors whose whole name fits, such as '*lora_*'",
    })
    .option("data-only", {
      type: "boolean",
      describe: "take the tensors of a file that names other globals; those stay unread",
    })
    .option("dense", {
      type: "boolean",
      describe: "take sparse tensors, and those that torch has quantised, as their plain values",
    });
}

export function selectionOf(args: Arguments): Selection {
  return {
    select: optionalString(args, "select"),
    stripPrefix: texts(args, "strip-prefix"),
    rename: texts(args, "rename"),
    drop: texts(args, "drop"),
    dataOnly: flag(args, "data-only"),
    dense: flag(args, "dense"),
  };
}
