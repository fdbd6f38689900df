import type { LinearLayout } from "../model/parameter.ts";
import type { Checkpoint } from "../tensor/table.ts";

/** The key by which transformers and PaddleNLP know whose layout a file has. */
const FORMAT = "format";

/**
 * `__metadata__` of the safetensors files of a conversion: the source's own, and whose layout the weights have. A checkpoint
 * that is taken as it is keeps its own word on that; Paddle's weights have none to give, and "pt" would be untrue.
 * @param layout Undefined where the architecture is not known.
 */
export function fileMetadata(
  { metadata, format }: Pick<Checkpoint, "metadata" | "format">,
  layout: LinearLayout | undefined,
): ReadonlyMap<string, string> {
  const own = metadata.get(FORMAT);
  const word =
    layout === undefined
      ? (own ?? (format === "paddle" || format === "npz" ? undefined : "pt"))
      : WORD_OF_LAYOUT[layout];
  const all = new Map(format === "gguf" ? [] : metadata);
  if (word === undefined) all.delete(FORMAT);
  else all.set(FORMAT, word);
  return all;
}

/** PaddleNLP v2.8 takes "np" for arrays in its own layout, and "pt" for those that it must transpose. */
const WORD_OF_LAYOUT: Readonly<Record<LinearLayout, string>> = { torch: "pt", paddle: "np" };

/** The metadata that a format without a place for it leaves out. */
export function droppedMetadata(
  { metadata, format }: Pick<Checkpoint, "metadata" | "format">,
  to: string,
): readonly { readonly name: string; readonly why: string }[] {
  if (format === "gguf") {
    const rest = [...metadata.keys()].filter((key) => key.startsWith("general."));
    const why = `config.json has what describes the network, the tokenizer is in files of its own; the rest is not carried over (${rest.join(", ")})`;
    return rest.length === 0 ? [] : [{ name: "GGUF metadata", why }];
  }
  const keys = [...metadata.keys()].filter((key) => key !== FORMAT);
  if (to === "safetensors" || keys.length === 0) return [];
  return [{ name: "__metadata__", why: `${to} files have no place for it (${keys.join(", ")})` }];
}
