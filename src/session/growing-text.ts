import { stopWatcher } from "../runtime/generation/stop-strings.ts";
import { streamDecoder, type StreamDecoder } from "../runtime/tokenizer/stream-decoder.ts";
import type { Tokenizer } from "../runtime/tokenizer/tokenizer.ts";

/** The text of one prompt and its answer, as it grows; pieces are shown when they cannot change any more. */
export class GrowingText {
  readonly #decoder: StreamDecoder;
  readonly #watcher: ReturnType<typeof stopWatcher>;
  readonly #promptText: string;
  #newText = "";
  #taken = 0;
  #isStopped = false;

  /**
   * @param stops Texts that end the answer; the prompt may hold them.
   * @param isAlone Decodes the answer as if it stood at the beginning.
   */
  constructor(
    tokenizer: Tokenizer,
    prompt: readonly number[],
    stops: readonly string[],
    isAlone = false,
  ) {
    this.#decoder = streamDecoder(tokenizer);
    this.#watcher = stopWatcher(stops);
    if (isAlone) {
      this.#promptText = tokenizer.decode(prompt, { skipSpecialTokens: true });
      return;
    }
    // The answer's first token decides whether the prompt's last characters stay: they are shown with it.
    this.#promptText = this.#decoder.push(prompt);
  }

  /** Adds an id; true when a stop text was completed. */
  push(id: number): boolean {
    if (this.#isStopped) return true;
    const { text, stopped } = this.#watcher.push(this.#decoder.push([id]));
    this.#newText += text;
    this.#isStopped = stopped;
    return stopped;
  }

  /** Adds what was held back. */
  end(): void {
    if (this.#isStopped) return;
    const { text, stopped } = this.#watcher.push(this.#decoder.end());
    this.#newText += stopped ? text : text + this.#watcher.end();
    this.#isStopped = true;
  }

  /** Prompt and answer. */
  get text(): string {
    return this.#promptText + this.#newText;
  }

  /** The answer. */
  get newText(): string {
    return this.#newText;
  }

  /** The prompt, less what the answer's first token may still change. */
  get promptText(): string {
    return this.#promptText;
  }

  /** What of the answer became certain since it was last taken. */
  take(): string {
    const fresh = this.#newText.slice(this.#taken);
    this.#taken = this.#newText.length;
    return fresh;
  }
}
