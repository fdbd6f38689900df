import { shownName } from "../tensor/shown-name.ts";
import type { BlockPlace } from "../verify/quantised/judgement.ts";

/** Blocks that a line lists; --json has more. */
const LISTED = 10;

/** Explained blocks with other bytes; no line where there are none. */
export function otherScalesLines(blocks: readonly BlockPlace[]): readonly string[] {
  if (blocks.length === 0) return [];
  const rest = blocks.length - LISTED;
  const listed = blocks.slice(0, LISTED).map(placeText).join("; ");
  return [`with other scales than here: ${rest > 0 ? `${listed} and ${rest} more` : listed}`];
}

export function placeText({ tensor, block, offset }: BlockPlace): string {
  return `${shownName(tensor)} block ${block} at byte ${offset}`;
}
