/** A block of a stored tensor. */
export interface BlockPlace {
  /** What the file calls the tensor. */
  readonly tensor: string;
  /** Its place among the tensor's blocks. */
  readonly block: number;
  /** Byte of the file at which it begins. */
  readonly offset: number;
}

/**
 * What a given importance matrix has to do with a tensor: its bytes are those of quantising by the matrix; or of quantising without it, though it
 * has an entry; or most are of neither; or the matrix has no entry for it, or one of another size, so that llama-quantize uses none.
 */
export type MatrixUse = "used" | "left-out" | "other" | "missing" | "other-size";

/** What a quantised tensor's blocks are beside the original's numbers. */
export interface TensorJudgement {
  /** Hugging Face name. */
  readonly name: string;
  readonly type: string;
  readonly blocks: number;
  /** Whether the type's blocks could be made again from the original. */
  readonly isRequantised: boolean;
  /** Null where no matrix was given, or the type takes none. */
  readonly matrix: MatrixUse | null;
  /** Blocks whose bytes are those of quantising the original. */
  readonly identical: number;
  /** Others whose every level is the one that rounding gives under some choice of scales. */
  readonly rounded: number;
  /** Blocks that the original does not explain. */
  readonly unexplained: number;
  /** The first of them, all where there are few. */
  readonly places: readonly BlockPlace[];
  /** Explained blocks that have other bytes, in a tensor most of whose blocks are identical; the first of them. */
  readonly otherScales: readonly BlockPlace[];
  /** Largest |stored − original| in half steps of the block's own scale, of numbers that were not cut off: at most 1 where all is explained. */
  readonly worst: number;
  readonly maxAbs: number;
  /** Σ (stored − original)² and Σ original², for the loss. */
  readonly squares: number;
  readonly energy: number;
  /** Numbers beyond the last level, as scales that an importance matrix fitted leave them. */
  readonly cutOff: number;
  readonly elements: number;
}

/** Error of rounding against the tensor's size: √(Σ(q − x)² / Σx²). */
export function lossOf(parts: readonly Pick<TensorJudgement, "squares" | "energy">[]): number {
  const squares = parts.reduce((sum, part) => sum + part.squares, 0);
  const energy = parts.reduce((sum, part) => sum + part.energy, 0);
  return energy === 0 ? 0 : Math.sqrt(squares / energy);
}

export function isExplained({ unexplained }: TensorJudgement): boolean {
  return unexplained === 0;
}
