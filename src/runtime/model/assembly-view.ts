import type { Assembly, TensorView } from "../../mapping/assembly.ts";

/** Rows `begin` to `end` (not included) of a logical tensor, as another; nothing is read. */
export function narrowRows(assembly: Assembly, begin: number, end: number): Assembly {
  const shape = [end - begin, ...assembly.shape.slice(1)];
  if (assembly.axis !== 0) {
    return { ...assembly, shape, parts: assembly.parts.map((part) => rowsOf(part, begin, end)) };
  }
  const parts: TensorView[] = [];
  let position = 0;
  for (const part of assembly.parts) {
    const size = part.shape[0] ?? 1;
    const first = Math.max(begin, position);
    const last = Math.min(end, position + size);
    if (first < last) parts.push(rowsOf(part, first - position, last - position));
    position += size;
  }
  return { ...assembly, shape, parts };
}

function rowsOf(view: TensorView, begin: number, end: number): TensorView {
  return {
    ...view,
    elementOffset: view.elementOffset + begin * (view.strides[0] ?? 0),
    shape: [end - begin, ...view.shape.slice(1)],
  };
}

/** The transpose of a logical matrix; nothing is read. */
export function swapAxes(assembly: Assembly): Assembly {
  return {
    ...assembly,
    axis: assembly.axis === 0 ? 1 : 0,
    shape: assembly.shape.toReversed(),
    parts: assembly.parts.map((part) => ({
      ...part,
      shape: part.shape.toReversed(),
      strides: part.strides.toReversed(),
    })),
  };
}
