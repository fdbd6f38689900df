/** A character for each byte, as GPT-2's byte-level BPE writes them: printable ones are themselves, others begin at U+0100. */
const CHARACTERS: readonly string[] = makeCharacters();

const BYTE_OF = new Map(CHARACTERS.map((character, byte) => [character, byte]));

function makeCharacters(): readonly string[] {
  let more = 0;
  return Array.from({ length: 256 }, (_, byte) => {
    const isPrintable =
      (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    return String.fromCharCode(isPrintable ? byte : 0x100 + more++);
  });
}

const encoder = new TextEncoder();

export function bytesAsText(text: string): string {
  return bytesAsToken(encoder.encode(text));
}

export function bytesAsToken(bytes: Uint8Array): string {
  let token = "";
  for (const byte of bytes) token += CHARACTERS[byte] ?? "";
  return token;
}

/** The bytes that a token stands for; those of its own UTF-8 where a character of it stands for none. */
export function bytesOfToken(token: string): Uint8Array {
  const bytes: number[] = [];
  for (const character of token) {
    const byte = BYTE_OF.get(character);
    if (byte === undefined) return encoder.encode(token);
    bytes.push(byte);
  }
  return Uint8Array.from(bytes);
}
