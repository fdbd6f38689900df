import type { CodeTable } from "../code-table.ts";

/** Codes of checkpoints in several files: indexes, shards, parallel parts (x6xx). */
export const SHARD_CODES = {
  WB3601: {
    title: "a damaged index",
    meaning:
      "The *.index.json beside the shards is not JSON, says a name twice, or has no weight_map of tensor names to files.",
    remedy: "Download the index again, or write the shards anew.",
    details: { "byte?": "number", path: "string" },
  },
  WB3602: {
    title: "a shard is missing",
    meaning:
      "The index names a file that is not beside it; or, without an index, a number is missing among files that are named as shards or parallel parts.",
    remedy: "Download or copy the missing files into the folder.",
    details: { path: "string", "files?": "string[]", "tensors?": "string[]" },
  },
  WB3603: {
    title: "the index and the shards disagree",
    meaning:
      "A shard lacks a tensor that the index promises, or holds one that the index does not name or places elsewhere. The files come from different versions of the model, or are incomplete.",
    remedy: "`weighbridge check` lists all differences; get all files from one place.",
    details: { path: "string", files: "string[]", tensors: "string[]" },
  },
  WB3604: {
    title: "two files hold the same tensor",
    meaning:
      "Parts of one checkpoint may not say one tensor twice: which of them holds is unknown.",
    remedy: "Remove the file that does not belong, or give one file instead of the folder.",
    details: { path: "string", files: "string[]", "tensors?": "string[]", "tensor?": "string" },
  },
  WB3605: {
    title: "the files of one checkpoint have different formats",
    meaning:
      "All shards or parallel parts of a checkpoint are written by one program in one format.",
    remedy: "Separate the checkpoints into folders of their own.",
    details: { path: "string" },
  },
  WB3606: {
    title: "an index with another total size",
    meaning:
      "The index's total_size is not the bytes of all tensors in the shards: a shard comes from another version, or the index was made for other dtypes.",
    remedy: "Get the index and all shards from one place; the weights convert all the same.",
    details: {},
  },
  WB3607: {
    title: "a distributed checkpoint that does not fit together",
    meaning:
      "The table (.metadata) names chunks that are not in the .distcp files, or that do not fill their tensors, or it is not what torch.distributed.checkpoint writes: a file of a rank is missing or from another run.",
    remedy: "Copy the whole folder again, with the files of all ranks.",
    details: { path: "string" },
  },
  WB3608: {
    title: "a DeepSpeed checkpoint that does not fit together",
    meaning:
      "ZeRO divides the float32 weights among files of ranks, and the model states say what the parts make. A rank's file is missing or from another run, or the parts are not as long as the parameters' shapes.",
    remedy: "Copy the whole folder again, with the files of all ranks.",
    details: { path: "string" },
  },
  WB5601: {
    title: "an index that leaves its folder",
    meaning:
      "A file name in the index is absolute or goes up a folder. Opening it could read files that were never meant.",
    remedy: "Do not trust the index; names of shards are plain file names.",
    details: { path: "string", file: "string" },
  },
  WB5602: {
    title: "an oversized index",
    meaning: "The index is longer than 100,000,000 bytes or holds millions of values.",
    remedy: "Do not trust the file; a 7B model's index has about 40 KiB.",
    details: { path: "string" },
  },
} as const satisfies CodeTable;
