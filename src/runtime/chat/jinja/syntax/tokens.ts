/** One token inside `{{ }}` or `{% %}`, or what stands around them. */
export type Token =
  | { readonly kind: "text"; readonly text: string; readonly line: number }
  | { readonly kind: "name"; readonly text: string; readonly line: number }
  | { readonly kind: "string"; readonly text: string; readonly line: number }
  | {
      readonly kind: "integer";
      readonly value: bigint;
      readonly text: string;
      readonly line: number;
    }
  | { readonly kind: "float"; readonly value: number; readonly text: string; readonly line: number }
  | { readonly kind: "operator"; readonly text: string; readonly line: number }
  | { readonly kind: Border; readonly text: string; readonly line: number };

export type Border = "print-begin" | "print-end" | "block-begin" | "block-end" | "end";
