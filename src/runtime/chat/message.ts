/** One turn of a conversation. */
export interface ChatMessage {
  readonly role: "system" | "user" | "assistant" | "tool";
  readonly content: string;
  /** What a Jinja template sees beside role and content, or instead of them: `tool_calls`, `name`, a content that is null. */
  readonly fields?: Readonly<Record<string, unknown>> | undefined;
}

/** What a Jinja template sees beside the messages: `tools`, and what a request says of its own. Values of JSON. */
export type TemplateVariables = Readonly<Record<string, unknown>>;

/** How a model's own chat draws its answers; transformers' defaults where it says nothing. */
export interface ChatSampling {
  readonly temperature?: number;
  readonly topP?: number;
  readonly topK?: number;
  readonly repetitionPenalty?: number;
}

/** How a model wants a conversation written, and where its answers end. */
export interface ChatTemplate {
  /** As `--template` names it. */
  readonly name: string;
  /**
   * The prompt, up to where the assistant begins to speak.
   * @param variables For Jinja templates; the built-in ones have no use for any.
   * @throws WbError WB2802 for a conversation that the template has no place for.
   */
  render(messages: readonly ChatMessage[], variables?: TemplateVariables): string;
  /** Tokens and texts that end an answer, beside the model's own eos ids. */
  readonly stopTokens: readonly string[];
  readonly stopStrings: readonly string[];
  /** True when the tokenizer puts its own tokens before the rendered text, also where that begins with one of them. */
  readonly addsSpecialTokens: boolean;
  /** What the model's own chat says of itself where nobody says anything else. */
  readonly system?: string | undefined;
  readonly sampling: ChatSampling;
  /** True when the model's own chat takes white space off both ends of an answer before it remembers it. */
  readonly trimsAnswers: boolean;
}
