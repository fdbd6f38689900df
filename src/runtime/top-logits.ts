/** The `count` largest of logits [vocab], largest first; the lower id first where two are equal. */
export function topLogits(
  logits: Float32Array,
  count: number,
): { readonly ids: readonly number[]; readonly logits: readonly number[] } {
  const ids: number[] = [];
  for (let id = 0; id < logits.length; id++) {
    const value = logits[id] ?? Number.NEGATIVE_INFINITY;
    const last = logits[ids.at(-1) ?? -1] ?? Number.NEGATIVE_INFINITY;
    if (ids.length >= count && !(value > last)) continue;
    let place = ids.length;
    while (place > 0 && value > (logits[ids[place - 1] ?? 0] ?? 0)) place--;
    ids.splice(place, 0, id);
    if (ids.length > count) ids.pop();
  }
  return { ids, logits: ids.map((id) => logits[id] ?? Number.NaN) };
}
