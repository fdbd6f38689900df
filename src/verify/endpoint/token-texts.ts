import type { Tokenizer } from "../../runtime/tokenizer/tokenizer.ts";

/** What vLLM writes with `return_tokens_as_token_ids`. */
const AS_ID = /^token_id:(\d{1,9})$/u;

/** Reads a token as a server writes it: as an id, or as its text alone, where no two tokens have it. */
export class TokenTexts {
  readonly #tokenizer: Tokenizer | undefined;
  readonly #vocabSize: number;
  /** Null where several ids have the text. */
  #ids: Map<string, number | null> | undefined;

  constructor(tokenizer: Tokenizer | undefined, vocabSize: number) {
    this.#tokenizer = tokenizer;
    this.#vocabSize = vocabSize;
  }

  /** The id; undefined where the text is none's, or several tokens'. */
  idOf(text: string): number | undefined {
    const told = AS_ID.exec(text)?.[1];
    if (told !== undefined) return this.#valid(Number(told));
    return this.#table().get(text) ?? undefined;
  }

  #valid(id: number): number | undefined {
    return id < this.#vocabSize ? id : undefined;
  }

  #table(): ReadonlyMap<string, number | null> {
    if (this.#ids !== undefined) return this.#ids;
    const ids = new Map<string, number | null>();
    const tokenizer = this.#tokenizer;
    const size = Math.min(tokenizer?.size ?? 0, this.#vocabSize);
    for (let id = 0; id < size; id++) {
      const text = textOf(tokenizer, id);
      // Parts of characters read alike: U+FFFD for each.
      if (text === undefined || text === "" || text.includes("\uFFFD")) continue;
      ids.set(text, ids.has(text) ? null : id);
    }
    this.#ids = ids;
    return ids;
  }
}

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

function textOf(tokenizer: Tokenizer | undefined, id: number): string | undefined {
  try {
    return tokenizer === undefined ? undefined : utf8.decode(tokenizer.bytesOf(id));
  } catch {
    // A gap in the vocabulary: no token has this id.
    return undefined;
  }
}
