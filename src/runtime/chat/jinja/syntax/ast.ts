/** Expressions as jinja2 parses them. */
export type Expression =
  | { readonly kind: "constant"; readonly value: string | bigint | number | boolean | null }
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "list"; readonly items: readonly Expression[] }
  | { readonly kind: "tuple"; readonly items: readonly Expression[] }
  | { readonly kind: "dict"; readonly pairs: readonly (readonly [Expression, Expression])[] }
  | { readonly kind: "concat"; readonly items: readonly Expression[] }
  | {
      readonly kind: "binary";
      readonly operator: BinaryOperator;
      readonly left: Expression;
      readonly right: Expression;
    }
  | {
      readonly kind: "compare";
      readonly first: Expression;
      readonly rest: readonly (readonly [CompareOperator, Expression])[];
    }
  | { readonly kind: "and" | "or"; readonly left: Expression; readonly right: Expression }
  | { readonly kind: "not" | "negative" | "positive"; readonly operand: Expression }
  | {
      readonly kind: "condition";
      readonly test: Expression;
      readonly value: Expression;
      readonly otherwise: Expression | undefined;
    }
  | { readonly kind: "attribute"; readonly object: Expression; readonly name: string }
  | { readonly kind: "item"; readonly object: Expression; readonly key: Expression }
  | {
      readonly kind: "slice";
      readonly begin: Expression | undefined;
      readonly end: Expression | undefined;
      readonly step: Expression | undefined;
    }
  | { readonly kind: "call"; readonly callee: Expression; readonly args: CallArguments }
  | {
      readonly kind: "filter";
      /** Undefined for the first filter of a block. */
      readonly target: Expression | undefined;
      readonly name: string;
      readonly args: CallArguments;
    }
  | {
      readonly kind: "test";
      readonly target: Expression;
      readonly name: string;
      readonly args: CallArguments;
    };

export type BinaryOperator = "+" | "-" | "*" | "/" | "//" | "%" | "**";
export type CompareOperator = "==" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "not in";

export interface CallArguments {
  readonly positional: readonly Expression[];
  readonly named: readonly (readonly [string, Expression])[];
  readonly rest: Expression | undefined;
  readonly namedRest: Expression | undefined;
}

/** What is assigned to. */
export type Target =
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "namespace"; readonly name: string; readonly attribute: string }
  | { readonly kind: "tuple"; readonly items: readonly Target[] };

export interface Parameter {
  readonly name: string;
  readonly fallback: Expression | undefined;
}

/** What macros and call blocks have in common. */
export interface MacroShape {
  readonly name: string;
  readonly parameters: readonly Parameter[];
  readonly body: readonly Statement[];
  /** Whether the body asks for `varargs`, `kwargs` and `caller`: only then may they be given. */
  readonly takesRest: boolean;
  readonly takesNamedRest: boolean;
  readonly takesCaller: boolean;
}

export type Statement =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "print"; readonly value: Expression }
  | {
      readonly kind: "if";
      readonly branches: readonly {
        readonly test: Expression;
        readonly body: readonly Statement[];
      }[];
      readonly otherwise: readonly Statement[];
    }
  | {
      readonly kind: "for";
      readonly target: Target;
      readonly iterable: Expression;
      readonly test: Expression | undefined;
      readonly isRecursive: boolean;
      readonly body: readonly Statement[];
      readonly otherwise: readonly Statement[];
    }
  | { readonly kind: "set"; readonly target: Target; readonly value: Expression }
  | {
      readonly kind: "set-block";
      readonly target: Target;
      readonly filter: Expression | undefined;
      readonly body: readonly Statement[];
    }
  | { readonly kind: "macro"; readonly macro: MacroShape }
  | { readonly kind: "call-block"; readonly call: Expression; readonly caller: MacroShape }
  | {
      readonly kind: "filter-block";
      readonly filter: Expression;
      readonly body: readonly Statement[];
    }
  | {
      readonly kind: "with";
      readonly values: readonly (readonly [Target, Expression])[];
      readonly body: readonly Statement[];
    }
  /** transformers' own `{% generation %}`: its body has a scope of its own. */
  | { readonly kind: "generation"; readonly body: readonly Statement[] }
  | { readonly kind: "break" }
  | { readonly kind: "continue" };
