/** One turn of a conversation. */
export interface ChatMessage {
  readonly role: "system" | "user" | "assistant";
  readonly content: string;
}

/** How a model wants a conversation written, and where its answers end. */
export interface ChatTemplate {
  /** As `--template` names it. */
  readonly name: string;
  /**
   * The prompt, up to where the assistant begins to speak.
   * @throws WbError WB2802 for a conversation that the template has no place for.
   */
  render(messages: readonly ChatMessage[]): string;
  /** Tokens and texts that end an answer, beside the model's own eos ids. */
  readonly stopTokens: readonly string[];
  readonly stopStrings: readonly string[];
  /** True when the rendered text spells the beginning-of-sequence token out itself; transformers' tokenizer adds one all the same. */
  readonly spellsBos: boolean;
}
