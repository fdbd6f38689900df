import type { CodeTable } from "../code-table.ts";

/** Codes of comparisons and goldens (x91x). */
export const VERIFY_CODES = {
  WB2911: {
    title: "nothing to verify against",
    meaning:
      "verify compares with another checkpoint, with a golden file, with a server, or with another set of weights in the same folder.",
    remedy:
      "Name a second model, give --golden FILE or --endpoint URL, or put a second set of weights into the folder.",
    details: { path: "string" },
  },
  WB2912: {
    title: "an importance matrix that nothing is judged by",
    meaning:
      "`verify --imatrix` judges the blocks of a quantised GGUF file by what they were made from: it needs a second model, and one of the two must have quantised tensors.",
    remedy:
      "Write `weighbridge verify FILE.gguf ORIGINAL --imatrix MATRIX`, or leave --imatrix out.",
    details: { path: "string" },
  },
  WB3911: {
    title: "the golden file is damaged",
    meaning:
      "A golden holds prompt.<n>.input_ids (I32) and prompt.<n>.logits (F32) for n = 0, 1, …, and shapes that agree.",
    remedy:
      "Record it again: `weighbridge golden record`, or the script of `weighbridge golden script`.",
    details: { path: "string" },
  },
  WB3912: {
    title: "the golden file is for another model",
    meaning:
      "Its vocabulary, its hidden size, its token ids or its weights' digest are not those of this model: it is stale.",
    remedy: "Record a golden for these weights, or give the golden that was made for them.",
    details: { path: "string" },
  },
  WB4911: {
    title: "a golden cannot judge this quantised model",
    meaning:
      "Rounding to blocks moves logits as far as a mistake may. A golden of other numbers than the file's own cannot tell the two apart; another tokenizer or another number of layers is named all the same.",
    remedy:
      "Give the weights that it was made from, `weighbridge verify FILE ORIGINAL` or `weighbridge prove FILE ORIGINAL`, or a golden of the file itself.",
    details: {
      path: "string",
      golden: "string",
      quantised: "number",
      difference: "number",
      allowed: "number",
    },
  },
  WB3913: {
    title: "no digest to hold the weights against",
    meaning:
      "`check --digests` compares weights with weighbridge.manifest.json, which a conversion writes beside them, with the CRC-32 of an archive's records, and with the SHA-256 under which a hub published a file. There is none of them.",
    remedy: "Convert the weights with weighbridge, or check them without --digests.",
    details: { path: "string" },
  },
  WB3914: {
    title: "a tensor that is not what the manifest says",
    meaning:
      "Its bytes, dtype or shape are not those that were written, or only one of weights and manifest has it: the folder was changed or damaged after the conversion.",
    remedy: "Convert again, or copy the folder again from where it was right.",
    details: {},
  },
  WB3915: {
    title: "no verdict to attest",
    meaning:
      "`attest` takes the document that `verify --json` printed, with the digest of every file that took part.",
    remedy:
      "Run `weighbridge verify … --json > verify.json` on files of this machine, then attest it.",
    details: { path: "string" },
  },
  WB3916: {
    title: "a file is no longer the one that was verified",
    meaning: "Its SHA-256 is not the one in the verdict: it was changed after the verification.",
    remedy: "Verify it again, then attest that verdict.",
    details: { path: "string", expected: "string", found: "string" },
  },
} as const satisfies CodeTable;
