import { WbError } from "../../errors/wb-error.ts";
import type { EncoderHead } from "../config/model-config.ts";
import { HEAD_KINDS } from "../encoder-heads.ts";
import type { Network } from "../network.ts";
import type { Parameter } from "../parameter.ts";

/**
 * How canonical tensors make the stored one; each has an inverse, so that a statement is read both ways.
 * - `same`: one is the other.
 * - `concatenate`: one after another along `out`; on each rank, where ranks cut them.
 * - `thirds`: as `concatenate`, of parts of one size: with fewer key-value heads, the order is another.
 * - `group`: along `out`, key-value head by key-value head: its query heads, its key, its value.
 * - `interleave`: rows of a head's two halves alternate: rotary pairs are neighbours in the stored tensor.
 * - `alternate`: rows of the tensor's two halves alternate.
 */
export const OPERATIONS = [
  "same",
  "concatenate",
  "thirds",
  "group",
  "interleave",
  "alternate",
] as const;
export type Operation = (typeof OPERATIONS)[number];

/** `canonical names | stored name | operation`, read both ways. */
export interface Statement {
  readonly canonical: readonly Parameter[];
  /** With `{i}` for the layer. */
  readonly stored: string;
  readonly operation: Operation;
  /** Holds only in checkpoints that have this stored name too. */
  readonly beside?: string;
  /** Written so for encoders with this head alone; others have another statement. */
  readonly head?: EncoderHead;
  /** False where no writer is known to cut it over ranks. */
  readonly isCut: boolean;
}

export interface RowContext {
  readonly network: Network;
  /** What names that begin with a dot stand in, canonical and stored. */
  readonly canonicalLayer: string;
  readonly storedLayer: string;
}

/**
 * The statements of one row, one for weights and one for biases where a row names modules: `.self_attn.q_proj,
 * .self_attn.k_proj, .self_attn.v_proj | .self_attn.W_pack | concatenate`. After the operation may stand `whole` (ranks do
 * not cut it), `beside NAME` or, of an encoder, `for HEAD`.
 */
export function parseRow(row: string, context: RowContext): readonly Statement[] {
  const [canonicalText = "", storedText = "", operationText = "same"] = row
    .split("|")
    .map((part) => part.trim());
  const [operationName = "", word, wordText] = operationText.split(/\s+/);
  const operation = OPERATIONS.find((name) => name === operationName);
  if (operation === undefined) throw new WbError("WB7001", `${row}: no operation ${operationName}`);
  const canonicalNames = canonicalText
    .split(",")
    .map((name) => inLayer(name.trim(), context.canonicalLayer));
  const stored = inLayer(storedText, context.storedLayer);
  const beside =
    word === "beside" && wordText !== undefined
      ? { beside: inLayer(wordText, context.storedLayer) }
      : {};
  const head = word === "for" ? HEAD_KINDS.find((kind) => kind === wordText) : undefined;
  if (word === "for" && head === undefined) throw new WbError("WB7001", `${row}: no such head`);
  const told = {
    isCut: word !== "whole",
    ...beside,
    ...(head === undefined ? {} : { head }),
  };
  // Parameters whose names end in neither are named whole.
  const whole = canonicalNames.flatMap((name) =>
    context.network.parameters.filter((parameter) => parameter.name === name && !hasSuffix(name)),
  );
  if (whole.length === canonicalNames.length)
    return [{ canonical: whole, stored, operation, ...told }];
  const statements = SUFFIXES.flatMap((suffix): readonly Statement[] => {
    const found = canonicalNames.map((name) => suffixed(name, suffix));
    const canonical = found.flatMap((name) =>
      context.network.parameters.filter((parameter) => parameter.name === name),
    );
    if (canonical.length !== canonicalNames.length) return [];
    // A row of whole names tells the stored one whole, too, whatever it ends in.
    const isWhole = canonicalNames.every(hasSuffix);
    const name = isWhole && !hasSuffix(stored) ? stored : suffixed(stored, suffix);
    return [{ canonical, stored: name, operation, ...told }];
  });
  if (statements.length === 0) throw new WbError("WB7001", `${row}: no such parameters`);
  return statements;
}

const SUFFIXES = [".weight", ".bias"] as const;

function hasSuffix(name: string): boolean {
  return SUFFIXES.some((suffix) => name.endsWith(suffix));
}

/** A module's name with the suffix; a whole name as it is, if it has that suffix. */
function suffixed(name: string, suffix: (typeof SUFFIXES)[number]): string {
  const has = SUFFIXES.find((other) => name.endsWith(other));
  if (has === undefined) return name + suffix;
  return has === suffix ? name : "";
}

function inLayer(name: string, layer: string): string {
  return name.startsWith(".") ? layer + name.slice(1) : name;
}
