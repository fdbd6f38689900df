import { buildSafetensorsHeader } from "../checkpoint/safetensors-build.ts";
import type { FilePlan, OutputTensor } from "./file-plan.ts";

/** What transformers wants to see in a file's metadata. */
const METADATA: ReadonlyMap<string, string> = new Map([["format", "pt"]]);

export function planSafetensorsFile(name: string, tensors: readonly OutputTensor[]): FilePlan {
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
