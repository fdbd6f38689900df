/** Facts that every computed tensor has. */
interface Made {
  readonly purpose: "dequantise" | "merge";
  /** In which the values come out, before any cast that was asked for. */
  readonly dtype: "F32" | "F16" | "BF16";
  readonly shape: readonly number[];
  /** Of the matrix that is computed row by row; its transpose where the shape is the other way round. */
  readonly rows: number;
  readonly columns: number;
  readonly isTransposed: boolean;
}

/** How values are computed from stored ones; plain values throughout. */
export type Recipe =
  /** (code − zero) · scale, a scale a block; inputs: codes, scales and, where there are some, zeros. */
  | (Made & {
      readonly kind: "scaled";
      readonly blockRows: number;
      readonly blockColumns: number;
      /** Bits of codes that are packed in words of 32, each code less half its range; 0 for codes of a dtype of their own. */
      readonly packedBits: number;
      /** A second factor, after the first product was rounded. */
      readonly factor: number;
      /** How zeros are stored: as whole numbers, or packed as codes are, down the rows. */
      readonly zeros?: "plain" | "packed";
    })
  /** code · 2^exponent, for each 32 of a row; inputs: pairs of codes, exponents, both with a row a matrix row. */
  | (Made & { readonly kind: "mxfp4" })
  /** scale · (code − zero); inputs: qweight, qzeros, scales, g_idx. */
  | (Made & { readonly kind: "gptq"; readonly bits: number; readonly zeroOffset: number })
  /** (code − zero) · scale; inputs: qweight, qzeros, scales. */
  | (Made & { readonly kind: "awq"; readonly groupSize: number })
  /** table[code] · absmax; inputs: codes, absmax, table and, where absmax itself is quantised, its absmax and table. */
  | (Made & {
      readonly kind: "fourBit";
      readonly blockSize: number;
      readonly nested: { readonly blockSize: number; readonly offset: number } | undefined;
    })
  /** base + scaling · B · A; inputs: base, A, B. */
  | (Made & {
      readonly kind: "lowRank";
      readonly scaling: number;
      /** The base is [in, out]: the product's transpose is added. */
      readonly isSwapped: boolean;
    });

/** Rows `begin` to `end` of the matrix, as its dtype stores them, little-endian. */
export type RowMaker = (begin: number, end: number) => Promise<Uint8Array>;
