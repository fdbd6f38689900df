/** A half-plane a·r + b·u ≤ c of lines x ↦ r·x + u. */
type HalfPlane = readonly [a: number, b: number, c: number];
type Point = readonly [r: number, u: number];

/** What one number demands of the line: its image is in a range, which may be open. */
export interface Demand {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/**
 * Lines x ↦ r·x + u that bring every number into its range, as the corners of a convex polygon: what scale and offset a quantiser may have had
 * that chose these levels. Empty where there is none.
 * @param size The largest |value|, so that the polygon begins at a finite box.
 * @param steepest The largest |r| that is thought of.
 */
export function someLines(
  demands: readonly Demand[],
  steepest: number,
  hasOffset: boolean,
): readonly Point[] {
  const most = hasOffset
    ? 4 * steepest * Math.max(...demands.map(({ value }) => Math.abs(value)))
    : 0;
  const box = Math.max(most, 512);
  let polygon: readonly Point[] = hasOffset
    ? [
        [0, -box],
        [steepest, -box],
        [steepest, box],
        [0, box],
      ]
    : [
        [-steepest, 0],
        [steepest, 0],
      ];
  for (const { value, low, high } of demands) {
    if (high < Infinity) polygon = cut(polygon, [value, 1, high]);
    if (low > -Infinity) polygon = cut(polygon, [-value, -1, -low]);
    if (polygon.length === 0) return [];
  }
  return polygon;
}

/** The part of a convex polygon (or of a segment) that is in a half-plane. */
function cut(polygon: readonly Point[], [a, b, c]: HalfPlane): readonly Point[] {
  const kept: Point[] = [];
  const excess = polygon.map(([r, u]) => a * r + b * u - c);
  for (const [index, point] of polygon.entries()) {
    const next = (index + 1) % polygon.length;
    const [here, there] = [excess[index] ?? 0, excess[next] ?? 0];
    if (here <= 0) kept.push(point);
    const other = polygon[next];
    // A segment has one side, a polygon as many as corners.
    const isSide = polygon.length > 2 || index === 0;
    if (isSide && other !== undefined && here > 0 !== there > 0 && here !== 0 && there !== 0) {
      const share = here / (here - there);
      kept.push([
        point[0] + share * (other[0] - point[0]),
        point[1] + share * (other[1] - point[1]),
      ]);
    }
  }
  return kept;
}
