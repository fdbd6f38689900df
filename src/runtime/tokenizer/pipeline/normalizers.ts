import type { JsonPart } from "./json-part.ts";
import { bytesAsText } from "./bytes-as-text.ts";
import { precompiledMap } from "./precompiled-map.ts";
import { finderOf, readPattern } from "./splitting.ts";
import {
  lowerCase,
  normaliseAs,
  withoutMarks,
  withoutNonspacingMarks,
  withoutOther,
} from "./unicode.ts";

/** @param continues The text goes on behind other text, so that nothing is put before it. */
export type Normalizer = (text: string, continues: boolean) => string;

/** @throws WbError WB3802, WB4801. */
export function readNormalizer(part: JsonPart): Normalizer {
  const type = part.text("type");
  switch (type) {
    case "Sequence": {
      const steps = part.parts("normalizers").map(readNormalizer);
      return (text, continues) =>
        steps.reduce((normalised, step) => step(normalised, continues), text);
    }
    case "NFC":
    case "NFD":
    case "NFKC":
    case "NFKD":
      return (text) => normaliseAs(type, text);
    case "Lowercase":
      return lowerCase;
    case "StripAccents":
      return withoutMarks;
    case "Strip":
      return strip(part.flag("strip_left", true), part.flag("strip_right", true));
    case "Prepend": {
      const prefix = part.text("prepend");
      // The library moves what it has noted of the text then, and fails at a later step.
      if (prefix === "") throw part.unsupported("a text of no characters to prepend");
      return (text, continues) => (text === "" || continues ? text : prefix + text);
    }
    case "Replace": {
      const find = finderOf(readPattern(part.part("pattern")));
      const content = part.text("content");
      return (text) =>
        find(text)
          .map((stretch) => (stretch.isMatch ? content : stretch.text))
          .join("");
    }
    case "ByteLevel":
      return bytesAsText;
    case "Nmt":
      return withoutControls;
    case "BertNormalizer":
      return bertNormalizer(part);
    case "Precompiled":
      return precompiledMap(part);
    default:
      throw part.unsupported(`the normalizer "${type}"`);
  }
}

function strip(left: boolean, right: boolean): Normalizer {
  return (text) => {
    const begun = left ? text.replace(/^\p{White_Space}+/u, "") : text;
    return right ? trimmedEnd(begun) : begun;
  };
}

/** Without the white space at the end, in one pass from there; a pattern would begin anew at every white space. */
export function trimmedEnd(text: string): string {
  let end = text.length;
  while (end > 0 && /\p{White_Space}/u.test(text[end - 1] ?? "")) end--;
  return text.slice(0, end);
}

/** Control characters that SentencePiece's `nmt` rules drop, and what they take for a space. */
// oxlint-disable-next-line no-control-regex -- control characters are what is dropped
const NMT_DROPPED = /[\u0001-\u0008\u000B\u000E-\u001F\u007F\u008F\u009F]/g;
const NMT_SPACES = /[\t\n\f\r\u1680\u200B-\u200F\u2028\u2029\u2581\uFEFF\uFFFD]/g;

function withoutControls(text: string): string {
  return text.replace(NMT_DROPPED, "").replace(NMT_SPACES, " ");
}

const CHINESE =
  /[\u4E00-\u9FFF\u3400-\u4DBF\u{20000}-\u{2A6DF}\u{2A700}-\u{2B73F}\u{2B740}-\u{2B81F}\u{2B920}-\u{2CEAF}\uF900-\uFAFF\u{2F800}-\u{2FA1F}]/gu;

function bertNormalizer(part: JsonPart): Normalizer {
  const lowers = part.flag("lowercase", true);
  const cleans = part.flag("clean_text", true);
  const parts = part.flag("handle_chinese_chars", true);
  const strips = part.flag("strip_accents", lowers);
  return (text) => {
    let result = text;
    if (cleans) result = withoutOther(result).replace(/\p{White_Space}/gu, " ");
    if (parts) result = result.replace(CHINESE, " $& ");
    if (strips) result = withoutNonspacingMarks(normaliseAs("NFD", result));
    return lowers ? lowerCase(result) : result;
  };
}
