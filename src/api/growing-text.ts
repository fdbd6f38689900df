import { stopWatcher } from "../runtime/generation/stop-strings.ts";
import { streamDecoder, type StreamDecoder } from "../runtime/tokenizer/stream-decoder.ts";
import type { Tokenizer } from "../runtime/tokenizer/tokenizer.ts";

/** The text of one prompt and its answer, as it grows; pieces are shown when they cannot change any more. */
export class GrowingText {
  readonly #decoder: StreamDecoder;
  readonly #watcher: ReturnType<typeof stopWatcher>;
  readonly #show: (text: string) => void;
  readonly #promptText: string;
  #newText = "";
  #isStopped = false;

  /** @param stops Texts that end the answer; the prompt may hold them. */
  constructor(
    tokenizer: Tokenizer,
    prompt: readonly number[],
    stops: readonly string[],
    show: (text: string) => void,
  ) {
    this.#decoder = streamDecoder(tokenizer);
    this.#watcher = stopWatcher(stops);
    this.#show = show;
    // The answer's first token decides whether the prompt's last characters stay: they are shown with it.
    this.#promptText = this.#decoder.push(prompt);
    if (this.#promptText !== "") show(this.#promptText);
  }

  /** Adds an id; true when a stop text was completed. */
  push(id: number): boolean {
    if (this.#isStopped) return true;
    const { text, stopped } = this.#watcher.push(this.#decoder.push([id]));
    this.#add(text);
    this.#isStopped = stopped;
    return stopped;
  }

  /** Shows what was held back. */
  end(): void {
    if (this.#isStopped) return;
    const { text, stopped } = this.#watcher.push(this.#decoder.end());
    this.#add(text);
    if (!stopped) this.#add(this.#watcher.end());
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

  #add(text: string): void {
    if (text === "") return;
    this.#newText += text;
    this.#show(text);
  }
}
