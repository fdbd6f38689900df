import type { PlainError } from "../../errors/wb-error.ts";
import type { TensorJob } from "./tensor-job.ts";
import type { WrittenTensor } from "./tensor.ts";

/** A tensor that a worker thread shall write. */
export interface WriteRequest {
  readonly id: number;
  readonly job: TensorJob;
  /** The output file, which is there already. */
  readonly path: string;
  /** Where in it the tensor's first byte goes. */
  readonly begin: number;
  readonly needsCrc32: boolean;
  readonly verify: boolean;
}

/** What a worker thread tells of a request. */
export type WriteReply = { readonly id: number } & (
  | { readonly kind: "bytes" | "verified"; readonly count: number }
  | { readonly kind: "done"; readonly outcome: WrittenTensor }
  | { readonly kind: "failed"; readonly error: PlainError }
);
