import type { ByteSource } from "../../tensor/byte-source.ts";

/**
 * What a pickle says, as inert data: nothing is imported, constructed or called. A callable and its arguments stay a
 * `reduce` node, which format readers match against the patterns that they know.
 *
 * Containers may be shared (the memo) and, in hostile files, cyclic: walk them with an explicit stack and a visited set.
 */
export type PickleValue =
  | null
  | boolean
  | number
  /** Integers beyond ±(2^53 − 1). */
  | bigint
  | string
  | PickleFloat
  | PickleBytes
  | PickleText
  | PickleList
  | PickleTuple
  | PickleDict
  | PickleSet
  | PickleGlobal
  | PickleReduce
  | PicklePersistent;

/** A float, which Python tells from an integer of the same value: as a key, and as a size that is none. */
export interface PickleFloat {
  readonly kind: "float";
  readonly value: number;
}

/** A range of the pickle's source that was stepped over, unread. */
export interface PickleRange {
  readonly parent: ByteSource;
  /** Byte in `parent`. */
  readonly begin: number;
  readonly byteLength: number;
}

/** A byte string (or bytearray) that was left where it is. */
export interface PickleBytes extends PickleRange {
  readonly kind: "bytes";
}

/**
 * Long text (more than `MAX_INLINE_TEXT_BYTES`) that was left where it is, as UTF-8: protocol 2 stores array bytes so,
 * through `_codecs.encode(text, "latin1")`.
 */
export interface PickleText extends PickleRange {
  readonly kind: "text";
}

export interface PickleList {
  readonly kind: "list";
  readonly items: PickleValue[];
}

export interface PickleTuple {
  readonly kind: "tuple";
  readonly items: readonly PickleValue[];
}

/** Entries in written order; a repeated key is kept twice, so that readers can refuse it. */
export interface PickleDict {
  readonly kind: "dict";
  readonly entries: (readonly [PickleValue, PickleValue])[];
}

export interface PickleSet {
  readonly kind: "set";
  readonly frozen: boolean;
  readonly items: PickleValue[];
}

export interface PickleGlobal {
  readonly kind: "global";
  readonly module: string;
  readonly name: string;
  /** Byte of the opcode in the pickle's source. */
  readonly offset: number;
}

/** `callable(*args)`, or `cls.__new__(cls, *args)`; then what BUILD, APPENDS and SETITEMS did to the result. */
export interface PickleReduce {
  readonly kind: "reduce";
  readonly callable: PickleGlobal;
  readonly args: PickleTuple;
  /** Byte of the opcode in the pickle's source. */
  readonly offset: number;
  /** Argument of BUILD (`__setstate__`), or undefined. */
  state?: PickleValue;
  /** Items added by APPEND, APPENDS or ADDITEMS. */
  readonly items: PickleValue[];
  /** Entries added by SETITEM or SETITEMS (an OrderedDict is `reduce` with entries). */
  readonly entries: (readonly [PickleValue, PickleValue])[];
}

export interface PicklePersistent {
  readonly kind: "persistent";
  readonly id: PickleValue;
  readonly offset: number;
}
