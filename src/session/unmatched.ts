import { refuseUnmatched } from "../formats/names/select-names.ts";
import type { OpenedModel } from "./open-model.ts";

/** @throws WbError WB2711 for a rule of the selection that fits nothing in either of two checkpoints. */
export function refuseUnmatchedInBoth(left: OpenedModel, right: OpenedModel): void {
  const inNeither = left.unmatched.filter((option) => right.unmatched.includes(option));
  refuseUnmatched(inNeither, `${left.checkpoint.path}, ${right.checkpoint.path}`);
}
