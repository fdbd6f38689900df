import { layerOf, splitLayer } from "../../../model/layer-number.ts";
import type { Diagnosis } from "../diagnosis.ts";
import { percent } from "../percent.ts";

/** Layers and modules that a sentence lists. */
const LISTED = 8;

/** Tensors of another version as one diagnosis, with what they have in common: which layers, which modules. */
export function joinVersions(
  diagnoses: readonly Diagnosis[],
  all: readonly string[],
): readonly Diagnosis[] {
  const versions = diagnoses.filter(({ cause }) => cause === "other-version");
  if (versions.length < 2) return diagnoses;
  const tensors = versions.flatMap((diagnosis) => diagnosis.tensors);
  const claims = versions.flatMap((diagnosis) => diagnosis.claims ?? []);
  const shares = claims.flatMap((claim) => (claim.kind === "near" ? [claim.share] : []));
  const range = `${percent(Math.min(...shares))} to ${percent(Math.max(...shares))}`;
  const joined: Diagnosis = {
    cause: "other-version",
    tensors,
    evidence: `${tensors.length} tensors are ${range} off, all over, as no known mistake makes them: another version of the other side's${scope(tensors, all)}`,
    claims,
  };
  return [joined, ...diagnoses.filter(({ cause }) => cause !== "other-version")];
}

/** What the tensors are that are off, where they are all of something. */
function scope(tensors: readonly string[], all: readonly string[]): string {
  const off = new Set(tensors);
  if (all.every((name) => off.has(name))) return "; they are all that there are";
  const whole = (belongs: (name: string) => boolean): boolean =>
    all.filter(belongs).every((name) => off.has(name)) && tensors.every(belongs);
  const layers = new Set(tensors.flatMap((name) => layerOf(name) ?? []));
  const isOfLayers = (name: string): boolean => layers.has(layerOf(name) ?? -1);
  if (layers.size > 0 && layers.size <= LISTED && whole(isOfLayers))
    return `; they are exactly those of ${layers.size === 1 ? "layer" : "layers"} ${[...layers].toSorted((a, b) => a - b).join(", ")}`;
  const modules = new Set(tensors.map(moduleOf));
  if (modules.size <= LISTED && whole((name) => modules.has(moduleOf(name))))
    return `; they are exactly ${[...modules].join(", ")} of every layer`;
  return "";
}

/** What a tensor is called inside of its layer. */
function moduleOf(name: string): string {
  return (splitLayer(name)?.after ?? name).replace(/^\./, "");
}
