import { buildSafetensorsHeader } from "./build-header.ts";
import type { FilePlan, PlannedTensor } from "../file-plan.ts";

/** What transformers wants to see in a file's metadata. */
const METADATA: ReadonlyMap<string, string> = new Map([["format", "pt"]]);

export function planSafetensorsFile<T extends PlannedTensor>(
  name: string,
  tensors: readonly T[],
): FilePlan<T> {
  const layout = buildSafetensorsHeader(tensors, METADATA, name);
  return {
    name,
    needsCrc32: false,
    segments: [
      { kind: "bytes", bytes: layout.header },
      ...layout.tensors.map((tensor) => ({ kind: "tensor" as const, tensor })),
    ],
  };
}
