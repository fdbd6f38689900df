import { concatViews } from "./assembly.ts";
import type { CanonicalTensor } from "./canonical.ts";
import type { FusedNames } from "./family.ts";

/** Tensors by name, those that `fused` names put together in the place of the first of them; biases as well as weights. */
export function fuseTensors(
  tensors: ReadonlyMap<string, CanonicalTensor>,
  fused: readonly FusedNames[],
): ReadonlyMap<string, CanonicalTensor> {
  const result = new Map<string, CanonicalTensor>();
  for (const [name, tensor] of tensors) {
    const match = /^(.*?\.)(\w+\.\w+)\.(weight|bias)$/.exec(name);
    const [, prefix = "", module = "", kind = ""] = match ?? [];
    const group = fused.find(({ parts }) => parts.includes(module));
    if (group === undefined) {
      result.set(name, tensor);
      continue;
    }
    if (module !== group.parts[0]) continue;
    const parts = group.parts.flatMap((part) => tensors.get(`${prefix}${part}.${kind}`) ?? []);
    const whole = `${prefix}${group.into}.${kind}`;
    result.set(whole, fuse(whole, parts, tensor));
  }
  return result;
}

function fuse(
  name: string,
  parts: readonly CanonicalTensor[],
  first: CanonicalTensor,
): CanonicalTensor {
  const assembly = concatViews(
    parts.flatMap((part) => part.assembly.parts),
    0,
  );
  return {
    spec: { name, shape: assembly.shape, linear: first.spec.linear },
    assembly,
    sources: [...new Set(parts.flatMap((part) => part.sources))],
    why: "put together as PaddleNLP keeps it",
  };
}
