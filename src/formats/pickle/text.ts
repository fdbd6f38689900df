const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * UTF-8 as Python's "surrogatepass" reads it: a lone surrogate in three bytes (ED A0–BF xx) is kept.
 * Undefined when the bytes are anything else than that.
 */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return strict.decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) return decodeWithSurrogates(bytes);
    throw error;
  }
}

function decodeWithSurrogates(bytes: Uint8Array): string | undefined {
  let text = "";
  let begin = 0;
  for (let index = 0; index + 2 < bytes.length; index++) {
    const [lead, second, third] = [bytes[index] ?? 0, bytes[index + 1] ?? 0, bytes[index + 2] ?? 0];
    if (lead !== 0xed || second < 0xa0 || second > 0xbf || (third & 0xc0) !== 0x80) continue;
    const before = decodeStrict(bytes.subarray(begin, index));
    if (before === undefined) return undefined;
    text += before + String.fromCharCode(0xd000 | ((second & 0x3f) << 6) | (third & 0x3f));
    begin = index + 3;
    index += 2;
  }
  const rest = begin === 0 ? undefined : decodeStrict(bytes.subarray(begin));
  return rest === undefined ? undefined : text + rest;
}

function decodeStrict(bytes: Uint8Array): string | undefined {
  try {
    return strict.decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

/** One character a byte; how Python 2's `str` is read with encoding latin1. */
export function decodeLatin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

/** The bytes of a text whose characters are all below U+0100, or undefined. */
export function encodeLatin1(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(text.length);
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code > 0xff) return undefined;
    bytes[index] = code;
  }
  return bytes;
}

/** Little-endian two's complement, as LONG1 and LONG4 store integers; a number where it is exact. */
export function decodeLong(bytes: Uint8Array): number | bigint {
  const digits = Buffer.from(bytes.toReversed()).toString("hex");
  const value = BigInt(`0x${digits === "" ? "0" : digits}`);
  const negative = ((bytes.at(-1) ?? 0) & 0x80) !== 0;
  return exactInteger(negative ? value - (1n << BigInt(8 * bytes.length)) : value);
}

/** A number when it is a safe integer, else the bigint itself. */
export function exactInteger(value: bigint): number | bigint {
  const asNumber = Number(value);
  return Number.isSafeInteger(asNumber) ? asNumber : value;
}

/** The value of a Python 2 string literal, quotes included, or undefined when it is none. */
export function unquote(literal: string): string | undefined {
  const quote = literal.charAt(0);
  if ((quote !== "'" && quote !== '"') || literal.length < 2 || !literal.endsWith(quote))
    return undefined;
  const body = literal.slice(1, -1);
  let valid = true;
  const text = body.replaceAll(
    /\\(x[0-9a-fA-F]{2}|[0-7]{1,3}|[\s\S]|$)/g,
    (_match, escape: string) => {
      const simple = SIMPLE_ESCAPES.get(escape);
      if (simple !== undefined) return simple;
      if (/^x[0-9a-fA-F]{2}$/.test(escape))
        return String.fromCharCode(Number.parseInt(escape.slice(1), 16));
      if (/^[0-7]+$/.test(escape)) return String.fromCharCode(Number.parseInt(escape, 8) & 0xff);
      // An escape that is none stays as it is written, but for one that is cut off.
      if (escape !== "" && escape !== "x") return `\\${escape}`;
      valid = false;
      return "";
    },
  );
  return valid ? text : undefined;
}

const SIMPLE_ESCAPES: ReadonlyMap<string, string> = new Map([
  ["\\", "\\"],
  ["'", "'"],
  ['"', '"'],
  ["n", "\n"],
  ["r", "\r"],
  ["t", "\t"],
  ["a", "\u0007"],
  ["b", "\b"],
  ["f", "\f"],
  ["v", "\v"],
]);

/**
 * Raw-unicode-escape, the argument of UNICODE: `\uXXXX` and `\UXXXXXXXX`, all else latin1. A backslash takes the
 * character behind it with it, so that the second of two begins no escape.
 */
export function decodeRawUnicodeEscape(bytes: Uint8Array): string | undefined {
  let valid = true;
  const text = decodeLatin1(bytes).replaceAll(
    /\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([\s\S]|$))/g,
    (
      match: string,
      short: string | undefined,
      long: string | undefined,
      other: string | undefined,
    ) => {
      if (other !== undefined && other !== "u" && other !== "U") return match;
      const code = Number.parseInt(short ?? long ?? "", 16);
      if (code <= 0x10ffff) return String.fromCodePoint(code);
      valid = false;
      return "";
    },
  );
  return valid ? text : undefined;
}

/** A float as Python prints it: the shortest digits that give it back, and an exponent from 1e16 on and below 1e-4. */
export function pythonFloat(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  const [mantissa = "", power = ""] = value.toExponential().split("e");
  const exponent = Number(power);
  const sign = Object.is(value, -0) ? "-" : "";
  if (value !== 0 && (exponent < -4 || exponent >= 16)) {
    const digits = String(Math.abs(exponent)).padStart(2, "0");
    return `${mantissa}e${exponent < 0 ? "-" : "+"}${digits}`;
  }
  const plain =
    exponent < 0
      ? value.toFixed(Math.max(0, mantissa.replace(/\D/g, "").length - 1 - exponent))
      : String(value);
  return `${sign}${plain.includes(".") ? plain : `${plain}.0`}`;
}
