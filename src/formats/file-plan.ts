import type { Dtype } from "../tensor/dtype.ts";
import type { QuantisedType } from "./gguf/quantise.ts";

/** A tensor as it will be written; where its bytes come from is decided by the plan of the file. */
export interface PlannedTensor {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly byteLength: number;
  /** What GGUF keeps its numbers as; as they are where left out. */
  readonly quantised?: QuantisedType;
}

/** What is known of the tensors that were written before in the same file. */
export interface WrittenTensors {
  /** CRC-32 of a tensor's bytes, by name. */
  crc32(name: string): number;
}

/** A stretch of an output file. Lengths are known before anything is written. */
export type Segment<T extends PlannedTensor = PlannedTensor> =
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  | { readonly kind: "tensor"; readonly tensor: T }
  /** Bytes that depend on what was written before them, such as a zip's checksums. */
  | {
      readonly kind: "computed";
      readonly byteLength: number;
      compute(written: WrittenTensors): Uint8Array;
    };

/** One output file, whole, before a byte of it is written. */
export interface FilePlan<T extends PlannedTensor = PlannedTensor> {
  readonly name: string;
  readonly segments: readonly Segment<T>[];
  /** Names of tensors among its bytes, which are no segments of their own. */
  readonly made?: readonly string[];
  /** Whether its segments ask for checksums. */
  readonly needsCrc32: boolean;
}

export function segmentBytes(segment: Segment): number {
  switch (segment.kind) {
    case "bytes":
      return segment.bytes.byteLength;
    case "tensor":
      return segment.tensor.byteLength;
    case "computed":
      return segment.byteLength;
    default:
      return segment satisfies never;
  }
}

export function fileBytes(file: FilePlan): number {
  return file.segments.reduce((sum, segment) => sum + segmentBytes(segment), 0);
}
