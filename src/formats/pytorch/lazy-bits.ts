import { WbError } from "../../errors/wb-error.ts";
import { DTYPES, type Dtype } from "../../tensor/dtype.ts";
import type { ByteSource } from "../../tensor/byte-source.ts";
import { madeSource } from "../../sources/made-source.ts";

/** What torch does to the elements of a storage when they are read: set by a view, and kept by torch.save as it is. */
export interface LazyBits {
  readonly conj: boolean;
  readonly neg: boolean;
}

/** The bytes of a storage with a lazy view's conjugation or negation done: the values that torch shows. */
export function resolvedSource(
  parent: ByteSource,
  dtype: Dtype,
  byteOrder: "little" | "big",
  bits: LazyBits,
): ByteSource {
  const change = changeOf(dtype, byteOrder, bits);
  if (change === undefined) return parent;
  const { label, byteLength } = parent;
  const { unit } = change;
  return madeSource({ label, byteLength, record: parent.record }, async (begin, target) => {
    // Whole elements, of which the target may want a part.
    const from = begin - (begin % unit);
    const end = begin + target.byteLength;
    const to = Math.min(byteLength, end + ((unit - (end % unit)) % unit));
    const bytes = await parent.read(from, to - from);
    change.apply(bytes);
    target.set(bytes.subarray(begin - from, end - from));
  });
}

interface Change {
  /** Bytes of one element. */
  readonly unit: number;
  apply(bytes: Uint8Array): void;
}

/** Undefined where nothing changes: the conjugate of a real number is itself. */
function changeOf(
  dtype: Dtype,
  byteOrder: "little" | "big",
  { conj, neg }: LazyBits,
): Change | undefined {
  const { bits, kind } = DTYPES[dtype];
  const unit = bits / 8;
  switch (kind) {
    case "complex": {
      const half = unit / 2;
      // Conjugation flips the imaginary part's sign, negation both: together they flip the real part's.
      const flipped = [...(neg ? [0] : []), ...(neg === conj ? [] : [half])];
      return flipped.length === 0
        ? undefined
        : { unit, apply: flipSigns(unit, half, flipped, byteOrder) };
    }
    case "float":
      if (!neg) return undefined;
      if (bits <= 8) throw unsupported(dtype);
      return { unit, apply: flipSigns(unit, unit, [0], byteOrder) };
    case "int":
    case "uint":
      if (neg && kind === "uint" && bits > 8) throw unsupported(dtype);
      return neg ? { unit, apply: negateIntegers(unit, byteOrder) } : undefined;
    case "bool":
      if (neg) throw unsupported(dtype);
      return undefined;
    default:
      return kind satisfies never;
  }
}

function unsupported(dtype: Dtype): WbError {
  return new WbError("WB4301", `a negative view of ${dtype}, which torch does not negate`, {
    details: { dtype },
  });
}

/** Flips the sign bits of floats of `width` bytes at these offsets in each unit. */
function flipSigns(
  unit: number,
  width: number,
  offsets: readonly number[],
  byteOrder: "little" | "big",
): (bytes: Uint8Array) => void {
  const top = byteOrder === "little" ? width - 1 : 0;
  return (bytes) => {
    for (const offset of offsets) {
      for (let at = offset + top; at < bytes.byteLength; at += unit)
        bytes[at] = (bytes[at] ?? Number.NaN) ^ 0x80;
    }
  };
}

/** Two's complement: every bit flipped, and one added with its carry. */
function negateIntegers(unit: number, byteOrder: "little" | "big"): (bytes: Uint8Array) => void {
  return (bytes) => {
    for (let begin = 0; begin < bytes.byteLength; begin += unit) {
      let carry = 1;
      for (let index = 0; index < unit; index++) {
        const at = begin + (byteOrder === "little" ? index : unit - 1 - index);
        const sum = (~(bytes[at] ?? Number.NaN) & 0xff) + carry;
        bytes[at] = sum & 0xff;
        carry = sum >> 8;
      }
    }
  };
}
