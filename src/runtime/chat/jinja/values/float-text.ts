/** Python's `repr` of a float: the shortest digits that give it back, an exponent below 1e-4 and from 1e16 on. */
export function floatText(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  if (Object.is(value, -0)) return "-0.0";
  if (value === 0) return "0.0";
  const [mantissa = "", power = "0"] = value.toExponential().split("e");
  const exponent = Number(power);
  if (exponent < -4 || exponent >= 16)
    return `${mantissa}e${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
  const plain = exponent < 0 ? fractionText(mantissa, exponent) : value.toString();
  return plain.includes(".") ? plain : `${plain}.0`;
}

function fractionText(mantissa: string, exponent: number): string {
  const sign = mantissa.startsWith("-") ? "-" : "";
  const digits = mantissa.replace("-", "").replace(".", "");
  return `${sign}0.${"0".repeat(-exponent - 1)}${digits}`;
}

/** A finite double as an exact fraction: numerator / 2^shift, or numerator · 2^-shift for a negative shift. */
function exact(value: number): { readonly numerator: bigint; readonly shift: number } {
  const bits = new DataView(new ArrayBuffer(8));
  bits.setFloat64(0, Math.abs(value));
  const word = bits.getBigUint64(0);
  const exponent = Number(word >> 52n);
  const fraction = word & ((1n << 52n) - 1n);
  // IEEE 754: (1 + fraction / 2^52) · 2^(exponent - 1023), subnormals without the 1.
  return exponent === 0
    ? { numerator: fraction, shift: 1074 }
    : { numerator: fraction | (1n << 52n), shift: 1075 - exponent };
}

/** numerator / denominator as a whole number, halves to the even one, as C's printf rounds. */
function divideEven(numerator: bigint, denominator: bigint): bigint {
  const quotient = numerator / denominator;
  const twice = (numerator % denominator) * 2n;
  if (twice > denominator || (twice === denominator && quotient % 2n === 1n)) return quotient + 1n;
  return quotient;
}

/** |value| · 10^digits, rounded to a whole number. */
function scaled(value: number, digits: number): bigint {
  const { numerator, shift } = exact(value);
  let top = numerator;
  let bottom = 1n;
  if (digits >= 0) top *= 10n ** BigInt(digits);
  else bottom *= 10n ** BigInt(-digits);
  if (shift >= 0) bottom <<= BigInt(shift);
  else top <<= BigInt(-shift);
  return divideEven(top, bottom);
}

/** |value| with so many digits behind the point, as Python's `%.2f`. */
export function fixedText(value: number, digits: number): string {
  const text = scaled(value, digits)
    .toString()
    .padStart(digits + 1, "0");
  return digits === 0 ? text : `${text.slice(0, -digits)}.${text.slice(-digits)}`;
}

/** |value| with so many digits behind the point and an exponent, as Python's `%.2e`. */
export function exponentText(value: number, digits: number): string {
  if (value === 0) return `${fixedText(0, digits)}e+00`;
  let exponent = Number(Math.abs(value).toExponential().split("e")[1]);
  let text = scaled(value, digits - exponent).toString();
  // Rounding up may carry into another digit.
  if (text.length > digits + 1) {
    exponent++;
    text = scaled(value, digits - exponent).toString();
  }
  const mantissa = digits === 0 ? text : `${text.slice(0, 1)}.${text.slice(1)}`;
  return `${mantissa}e${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
}

/** Python's `round(value, digits)` of a float. */
export function roundFloat(value: number, digits: number): number {
  if (!Number.isFinite(value) || value === 0 || digits > 323) return value;
  const rounded =
    digits >= 0 ? Number(fixedText(value, digits)) : Number(scaled(value, digits)) * 10 ** -digits;
  return value < 0 ? -rounded : rounded;
}
