import { bytesOfToken } from "./bytes-as-text.ts";
import type { JsonPart } from "./json-part.ts";
import { schemeOf } from "./pre-tokenizers.ts";
import { finderOf, readPattern } from "./splitting.ts";

/** Tokens to the texts that are joined. */
export type Decoder = (tokens: readonly string[]) => readonly string[];

/** What a token can leave undecided until others follow it. */
export type TokenBytes = "byte-level" | "byte-fallback" | "none";

export interface ReadDecoder {
  readonly run: Decoder;
  readonly bytes: TokenBytes;
}

/** Keeps U+FEFF; bad bytes become U+FFFD as in Rust's `from_utf8_lossy`. */
const lossy = new TextDecoder("utf-8", { ignoreBOM: true });
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** @throws WbError WB3802, WB4801. */
export function readDecoder(part: JsonPart): ReadDecoder {
  const type = part.text("type");
  switch (type) {
    case "Sequence": {
      const steps = part.parts("decoders").map(readDecoder);
      const run: Decoder = (tokens) => steps.reduce((texts, step) => step.run(texts), tokens);
      return { run, bytes: steps.find(({ bytes }) => bytes !== "none")?.bytes ?? "none" };
    }
    case "ByteLevel":
      return { run: decodeByteLevel, bytes: "byte-level" };
    case "ByteFallback":
      return { run: decodeByteFallback, bytes: "byte-fallback" };
    default:
      return { run: readPlain(part, type), bytes: "none" };
  }
}

function readPlain(part: JsonPart, type: string): Decoder {
  switch (type) {
    case "Fuse":
      return (tokens) => [tokens.join("")];
    case "Replace": {
      const find = finderOf(readPattern(part.part("pattern")));
      const content = part.text("content");
      const replaced = (token: string): string =>
        find(token)
          .map(({ text, isMatch }) => (isMatch ? content : text))
          .join("");
      return (tokens) => tokens.map(replaced);
    }
    case "Strip": {
      const content = part.text("content");
      const start = part.count("start", 0);
      const stop = part.count("stop", 0);
      return (tokens) => tokens.map((token) => stripped(token, content, start, stop));
    }
    case "Metaspace": {
      const replacement = part.text("replacement");
      const drops = schemeOf(part) !== "never";
      return (tokens) =>
        tokens.map((token, index) =>
          token.replaceAll(replacement, () => (index === 0 && drops ? "" : " ")),
        );
    }
    case "WordPiece": {
      const prefix = part.text("prefix", "##");
      const cleans = part.flag("cleanup", true);
      return (tokens) =>
        tokens.map((token, index) => {
          const text = index === 0 ? token : continued(token, prefix);
          return cleans ? cleanedUp(text) : text;
        });
    }
    case "BPEDecoder": {
      const suffix = part.text("suffix", "</w>");
      if (suffix === "") throw part.unsupported("a suffix of no characters");
      return (tokens) =>
        tokens.map((token, index) =>
          token.replaceAll(suffix, index === tokens.length - 1 ? "" : " "),
        );
    }
    default:
      throw part.unsupported(`the decoder "${type}"`);
  }
}

function continued(token: string, prefix: string): string {
  return token.startsWith(prefix) ? token.slice(prefix.length) : ` ${token}`;
}

/** As the WordPiece decoder of `tokenizers`, token by token and in this order; the slow classes of transformers have another list. */
const CLEANED: readonly (readonly [string, string])[] = [
  [" .", "."],
  [" ?", "?"],
  [" !", "!"],
  [" ,", ","],
  [" ' ", "'"],
  [" n't", "n't"],
  [" 'm", "'m"],
  [" do not", " don't"],
  [" 's", "'s"],
  [" 've", "'ve"],
  [" 're", "'re"],
];

function cleanedUp(text: string): string {
  return CLEANED.reduce((cleaned, [from, to]) => cleaned.replaceAll(from, to), text);
}

function stripped(token: string, content: string, start: number, stop: number): string {
  const characters = Array.from(token);
  let begin = 0;
  while (begin < start && characters[begin] === content) begin++;
  let end = characters.length;
  while (characters.length - end < stop && characters[end - 1] === content) end--;
  return characters.slice(begin, Math.max(begin, end)).join("");
}

function decodeByteLevel(tokens: readonly string[]): readonly string[] {
  return [lossy.decode(Buffer.concat(tokens.map(bytesOfToken)))];
}

/** The byte that `<0x41>` stands for. */
export function fallbackByte(token: string): number | undefined {
  const digits = /^<0x([0-9A-Fa-f]{2})>$/.exec(token)?.[1];
  return digits === undefined ? undefined : Number.parseInt(digits, 16);
}

/** A run of bytes is one text where it is UTF-8 as a whole, else U+FFFD for each of its bytes. */
function decodeByteFallback(tokens: readonly string[]): readonly string[] {
  const texts: string[] = [];
  let run: number[] = [];
  const flush = (): void => {
    if (run.length > 0) texts.push(...runText(run));
    run = [];
  };
  for (const token of tokens) {
    const byte = fallbackByte(token);
    if (byte !== undefined) {
      run.push(byte);
      continue;
    }
    flush();
    texts.push(token);
  }
  flush();
  return texts;
}

function runText(run: readonly number[]): readonly string[] {
  try {
    return [strict.decode(Uint8Array.from(run))];
  } catch {
    return ["\uFFFD".repeat(run.length)];
  }
}
