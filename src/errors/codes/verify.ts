import type { CodeTable } from "../code-table.ts";

/** Codes of comparisons and goldens (x91x). */
export const VERIFY_CODES = {
  WB2911: {
    title: "nothing to verify against",
    meaning:
      "verify compares with another checkpoint, with a golden file, or with another set of weights in the same folder.",
    remedy:
      "Name a second model, give --golden FILE, or put a second set of weights into the folder.",
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
} as const satisfies CodeTable;
