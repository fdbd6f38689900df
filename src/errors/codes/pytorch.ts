import type { CodeTable } from "../code-table.ts";

/** Codes of PyTorch files (x3xx). */
export const PYTORCH_CODES = {
  WB3301: {
    title: "not a file that torch.save wrote",
    meaning:
      "The container is right, but records that torch.save always writes are missing or of another kind.",
    remedy: "Check that this is the file of weights; `weighbridge scan FILE` tells what is in it.",
    details: { path: "string" },
  },
  WB3302: {
    title: "a tensor's description is malformed",
    meaning: "The arguments of a tensor's rebuild function are not what torch.save writes.",
    remedy: "Download the file again; a file that fails twice was damaged or written by hand.",
    details: { "where?": "string" },
  },
  WB3303: {
    title: "a tensor reaches past its storage",
    meaning:
      "Offset, shape and strides lead to elements beyond the end of the storage: reading them would show other bytes.",
    remedy: "Download the file again; a file that fails twice was damaged or written by hand.",
    details: { tensor: "string", where: "string", "storedBytes?": "number" },
  },
  WB3304: {
    title: "a storage is missing or has another size than its tensor says",
    meaning:
      "The record of a storage is not in the file, or its length differs from the number of elements declared.",
    remedy: "Download or copy the file again and compare its size with the original's.",
    details: { where: "string" },
  },
  WB3305: {
    title: "two tensors have one name",
    meaning:
      "The same path of keys occurs twice, so that the name does not tell which tensor is meant.",
    remedy: "Save the state dict again with distinct keys.",
    details: { tensor: "string", path: "string" },
  },
  WB3306: {
    title: "the file holds no tensors",
    meaning: "The file was read to its end, and no tensor was in it.",
    remedy:
      "Check that this is the file of weights and not of an optimizer, a scheduler or a tokenizer.",
    details: { path: "string" },
  },
  WB3310: {
    title: "several states in one file could be the model",
    meaning:
      "A training program saved more than one set of weights, and nothing in the file tells which of them is meant.",
    remedy: "Choose one with --select PATH, or take the file as it is with --select . (a dot).",
    details: { path: "string", choices: "string[]" },
  },
  WB4301: {
    title: "a kind of tensor that is not supported",
    meaning:
      "Quantised, sparse, nested and meta tensors are more than plain elements, and some of their kinds torch itself makes no plain ones of.",
    remedy:
      "--dense takes the values that sparse and quantised tensors stand for; --data-only takes the file's other tensors and lists these as left out, --drop NAME leaves out one of them. Or make it plain before saving: tensor.dequantize(), .to_dense(), .contiguous().",
    details: { "dtype?": "string", "where?": "string" },
  },
  WB4302: {
    title: "a whole pickled module",
    meaning: "The file holds a module's source code, not a state dict.",
    remedy: "Save the weights alone: torch.save(model.state_dict(), FILE).",
    details: { where: "string" },
  },
  WB4303: {
    title: "a dtype that has no counterpart",
    meaning: "The tensor's dtype has no name in safetensors, and weighbridge cannot carry it.",
    remedy: "Cast the tensor before saving.",
    details: { where: "string" },
  },
  WB5301: {
    title: "the archive holds more than one data.pkl",
    meaning:
      "Readers differ in which of them they take, which is how a payload is hidden from a scanner.",
    remedy: "Do not load this file.",
    details: { path: "string" },
  },
} as const satisfies CodeTable;
