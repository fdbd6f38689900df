import type { OutputTensor } from "./output-tensor.ts";

/**
 * Tensors in shards of at most `maxBytes` each, in the model's order; a tensor that is larger alone gets a shard of its own
 * (transformers v4.36.2, modeling_utils.py, `shard_checkpoint`).
 */
export function shardTensors(
  tensors: readonly OutputTensor[],
  maxBytes: number | undefined,
): readonly (readonly OutputTensor[])[] {
  if (maxBytes === undefined) return [tensors];
  const shards: OutputTensor[][] = [[]];
  let bytes = 0;
  for (const tensor of tensors) {
    const last = shards.at(-1);
    if (last === undefined || (last.length > 0 && bytes + tensor.byteLength > maxBytes)) {
      shards.push([tensor]);
      bytes = tensor.byteLength;
    } else {
      last.push(tensor);
      bytes += tensor.byteLength;
    }
  }
  return shards;
}

/** `model.safetensors`, or `model-00001-of-00003.safetensors`. */
export function shardName(stem: string, extension: string, index: number, count: number): string {
  if (count === 1) return `${stem}.${extension}`;
  return `${stem}-${fiveDigits(index + 1)}-of-${fiveDigits(count)}.${extension}`;
}

function fiveDigits(value: number): string {
  return String(value).padStart(5, "0");
}

/** The index of sharded weights, as transformers and PaddleNLP read it. */
export function shardIndex(
  shards: readonly { readonly name: string; readonly tensors: readonly OutputTensor[] }[],
): string {
  const entries = shards.flatMap(({ name, tensors }) =>
    tensors.map((tensor) => [tensor.name, name] as const),
  );
  const total = shards.reduce(
    (sum, { tensors }) => sum + tensors.reduce((bytes, { byteLength }) => bytes + byteLength, 0),
    0,
  );
  const index = {
    metadata: { total_size: total },
    weight_map: Object.fromEntries(entries.toSorted(([left], [right]) => (left < right ? -1 : 1))),
  };
  return `${JSON.stringify(index, undefined, 2)}\n`;
}
