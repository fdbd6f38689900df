import type { TokenizerSettings } from "./special-tokens.ts";
import type { TokenizerForm } from "./tokenizer-form.ts";

export interface EncodeOptions {
  /** Put the ids before and behind that the model's settings say; default true. */
  readonly addSpecialTokens?: boolean;
  /**
   * Read control tokens typed in the text ("<s>", "</s>") as such; default true, as transformers does. False makes them
   * ordinary text, which is what text from strangers should be.
   */
  readonly parseSpecialTokens?: boolean;
  /**
   * Take an ordinary piece that is spelled as a command, "sop" inside a word, for the command, as ChatGLM2's class does; default
   * true. Other tokenizers have no such pieces.
   */
  readonly commandPieces?: boolean;
  /** The text goes on behind other text, so that no dummy prefix is put before it. */
  readonly continues?: boolean;
}

export interface DecodeOptions {
  readonly skipSpecialTokens?: boolean;
  /**
   * "transformers" (default): special tokens spelled out, punctuation closed up as the model's Python class does, which is
   * lossy. "raw": what SentencePiece or tokenizer.json itself gives, byte for byte.
   */
  readonly mode?: "transformers" | "raw" | undefined;
}

/** Text to token ids and back, as transformers does for this model. */
export interface Tokenizer {
  /** Which class it is, where transformers has two that give other ids for one file. */
  readonly form?: TokenizerForm;
  /** The same file as the other of them. */
  readonly other?: () => Promise<Tokenizer>;
  readonly settings: TokenizerSettings;
  /** One more than the largest id, added tokens included; may be less than the model's vocab_size. */
  readonly size: number;
  /** Pieces of the vocabulary that may not take effect where a stranger types them, beside the added tokens. */
  readonly controlPieces: readonly string[];
  encode(text: string, options?: EncodeOptions): number[];
  decode(ids: readonly number[], options?: DecodeOptions): string;
  /** True for ids that `skipSpecialTokens` leaves out, as if they had not been there. */
  isSpecial(id: number): boolean;
  /** The piece or added token of an id, as it is written in the vocabulary. @throws WbError WB3804. */
  piece(id: number): string;
  idOf(piece: string): number | undefined;
  /** What the token stands for by itself, in UTF-8; part of a character where it is no whole one. @throws WbError WB3804. */
  bytesOf(id: number): Uint8Array;
  /** How many of the last ids decode to something that ids behind them can still change. */
  undecided(ids: readonly number[]): number;
}
