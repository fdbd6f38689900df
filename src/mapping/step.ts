import type { Dtype } from "../tensor/dtype.ts";
import type { Assembly } from "./assembly.ts";

/** What becomes of source tensors. Every source is in exactly one step (or several `split`s); every target in one. */
export type Step =
  | {
      readonly kind: "copy" | "transpose" | "split" | "merge";
      readonly from: readonly string[];
      readonly to: string;
      readonly assembly: Assembly;
      /** Another dtype than the source's, when a cast was asked for. */
      readonly cast?: Dtype;
      readonly why: string;
    }
  | { readonly kind: "drop"; readonly from: readonly string[]; readonly why: string };

/** How Linear weights lie: torch is [out, in], paddle [in, out]. */
export type LinearLayout = "torch" | "paddle";
