import type { CodeTable } from "../code-table.ts";

/** Codes of the file layer (30xx): what can be wrong before any format is known. */
export const FILE_CODES = {
  WB3001: {
    title: "no such file or folder",
    meaning: "A path that was given, or that an index names, does not exist.",
    remedy: "Check the path; a model folder holds config.json and at least one file of weights.",
    details: { path: "string" },
  },
  WB3002: {
    title: "not a regular file",
    meaning:
      "The path leads to a folder, a FIFO, a socket or a device where a file of weights is needed.",
    remedy: "Give the path of a regular file.",
    details: { path: "string", "found?": "string | number" },
  },
  WB3003: {
    title: "the file ends early",
    meaning:
      "Bytes that the file's own header promises are not there: it is truncated, or it shrank while being read.",
    remedy: "Download or copy the file again and compare its size with the original's.",
    details: { path: "string", "begin?": "number", "length?": "number", "byteLength?": "number" },
  },
  WB3004: {
    title: "a Git LFS pointer instead of the file",
    meaning:
      "The repository was cloned without Git LFS: the file holds a few lines that say where the weights are.",
    remedy: "Run `git lfs pull` in the repository, or download the file itself.",
    details: { path: "string" },
  },
  WB3005: {
    title: "a web page instead of the file",
    meaning:
      "The file is HTML: a download page or an error message was saved under the file's name.",
    remedy: "Download the file again from its direct address.",
    details: { path: "string" },
  },
  WB3006: {
    title: "no weights in the folder",
    meaning:
      "The folder holds no file that is named as weights are: *.safetensors, pytorch_model.bin, model_state.pdparams and their like.",
    remedy: "Give the file's own path; its format is told by its content.",
    details: { path: "string" },
  },
  WB3007: {
    title: "an empty file",
    meaning: "The file has no bytes.",
    remedy: "Download or copy the file again.",
    details: { path: "string" },
  },
  WB5001: {
    title: "a chat template that reaches out of its sandbox",
    meaning:
      "Templates of chats are programs of Jinja. This one fetches attributes that lead to Python itself, which a template of messages never needs.",
    remedy: "Do not use this model's template; take one from its publisher, and look at it.",
    details: {},
  },
  WB5002: {
    title: "a configuration that makes its loader run code",
    meaning:
      "It has a layer that holds code (Lambda), a class of a module outside of Keras, or a tag of YAML that builds objects of Python.",
    remedy:
      "Do not load it, or only with Keras's safe mode or a safe YAML loader; ask its publisher for the weights alone.",
    details: {},
  },
  WB5003: {
    title: "a file that names files outside of its folder",
    meaning:
      "Loading it opens another file by an absolute path, by .. or by an address: a vocabulary of Keras, a link of HDF5, a list of weights. What that file holds may leave with the model's answers.",
    remedy: "Do not load it; ask its publisher for a model that keeps its files together.",
    details: {},
  },
  WB3008: {
    title: "several sets of weights to choose from",
    meaning:
      "The folder, or folders in it, hold several files of weights, and neither names nor an index say which of them is meant or how they belong together.",
    remedy: "Give the path of one of the files or folders that the message lists.",
    details: { path: "string", choices: "string[]" },
  },
  WB3009: {
    title: "links that lead in a circle",
    meaning: "The path is a symbolic link that leads back to itself, directly or over others.",
    remedy: "Mend or remove the links.",
    details: { path: "string" },
  },
  WB3010: {
    title: "the source changed while it was read",
    meaning:
      "Size, time, identity or entity tag of a source file are no longer what they were when the conversion began: what was read may be of two versions. Nothing was put in place.",
    remedy: "Wait until the source is no longer written to, then convert again.",
    details: { path: "string", expected: "string", found: "string" },
  },
  WB3011: {
    title: "a file that is not what its publisher uploaded",
    meaning:
      "The hub, or the cache of its tools, names the sha256 of the file as it was uploaded; the file on this machine, or what its server sent, has another: it was damaged or changed since. A remote file is compared where it is read whole and in order. Nothing was put in place.",
    remedy: "Remove the file and download it again.",
    details: { path: "string", expected: "string", found: "string" },
  },
  WB4001: {
    title: "a file format that is not supported",
    meaning: "The first bytes are those of no format that weighbridge reads.",
    remedy:
      "weighbridge reads safetensors, PyTorch (.bin, .pt, .pth) and Paddle (.pdparams); convert to one of them first.",
    details: { path: "string" },
  },
  WB4002: {
    title: "a file that scan does not understand",
    meaning:
      "It is a program, a format that scan does not read, damaged, or larger than is looked into. It may be harmless; nothing says so.",
    remedy:
      "Look at it yourself, take it out of the folder, or accept all such files with `scan --allow-unexamined`.",
    details: {},
  },
  WB4003: {
    title: "a compressed stream that is not read",
    meaning:
      "Its compression is not one that weighbridge reads, it is damaged, or it is larger than is held in memory.",
    remedy: "Unpack it with a tool that you trust, and give what it holds.",
    details: { path: "string" },
  },
  WB4004: {
    title: "an archive with too many members, or nested too deeply",
    meaning: "Members are examined up to a number and a depth that no published model reaches.",
    remedy: "Unpack it with a tool that you trust, and scan the folder.",
    details: { path: "string" },
  },
  WB4005: {
    title: "a distributed checkpoint",
    meaning:
      "Files of a distributed checkpoint (.distcp) hold slices of tensors. torch's are put together where their .metadata is beside them and they are not compressed; Paddle's are not.",
    remedy:
      "Give the whole folder with its .metadata, or write one file first: python -m torch.distributed.checkpoint.format_utils dcp_to_torch FOLDER FILE.",
    details: { path: "string" },
  },
  WB4006: {
    title: "a DeepSpeed checkpoint whose weights are divided",
    meaning:
      "Model parallelism, pipelines and mixtures of experts divide the weights over files in ways that are not put together, and a file of a ZeRO 3 rank holds a part of them. Taking one would be a part of the model.",
    remedy:
      "Give the folder of a ZeRO checkpoint, not one of its files; of the others, write one file with the tool that trained the model, and convert that.",
    details: { path: "string", files: "string[]" },
  },
} as const satisfies CodeTable;
