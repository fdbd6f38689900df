import { buildSafetensorsHeader } from "./build-header.ts";
import type { FilePlan, PlannedTensor } from "../file-plan.ts";

export function planSafetensorsFile<T extends PlannedTensor>(
  name: string,
  tensors: readonly T[],
  metadata: ReadonlyMap<string, string>,
): FilePlan<T> {
  const layout = buildSafetensorsHeader(tensors, metadata, name);
  return {
    name,
    needsCrc32: false,
    segments: [
      { kind: "bytes", bytes: layout.header },
      ...layout.tensors.map((tensor) => ({ kind: "tensor" as const, tensor })),
    ],
  };
}
