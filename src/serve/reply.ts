import { randomUUID } from "node:crypto";
import type { Problem } from "./problem.ts";
import type { ChoiceEvent, ChoicePlan, Usage } from "./choices.ts";

/** All of one choice. */
export interface WholeChoice {
  readonly text: string;
  readonly tokens: readonly ChoiceEvent["tokens"][number][];
  /** Ids of the answer. */
  readonly ids: readonly number[];
  readonly finish: "stop" | "length";
}

/** An object of a stream that says in `type` what it is. */
export interface NamedEvent {
  readonly type: string;
}

/** How answers of one endpoint are written. */
export interface ReplyShape {
  /** One object for all. */
  whole(choices: readonly WholeChoice[], usage: Usage): unknown;
  /** Objects of a stream for one event; none where it has nothing to say. */
  chunks(event: ChoiceEvent): readonly unknown[];
  /** Objects of a stream before any event, and behind all; none where left out. */
  begin?(): readonly NamedEvent[];
  end?(usage: Usage): readonly NamedEvent[];
  /** Where a stream's objects are named by their `type`: what tells of an error; such a stream has no "[DONE]". */
  failure?(problem: Problem): NamedEvent;
  /** The last object of a stream that ends with the count of tokens. */
  usageChunk(usage: Usage): unknown;
}

/** What is to be done for a request, and how it is told. */
export interface ReplyPlan {
  readonly choices: readonly ChoicePlan[];
  /** Prompts, for the count of tokens. */
  readonly prompts: readonly (readonly number[])[];
  readonly stream: boolean;
  readonly streamsUsage: boolean;
  readonly shape: ReplyShape;
}

/** What every object of an answer begins with. */
export interface ReplyHead {
  readonly id: string;
  readonly created: number;
  readonly model: string;
}

export function replyHead(prefix: string, model: string): ReplyHead {
  return {
    id: `${prefix}-${randomUUID().replaceAll("-", "")}`,
    created: Math.floor(Date.now() / 1000),
    model,
  };
}

/** Puts the events of each choice together. */
export class ChoiceCollector {
  readonly #choices: {
    text: string;
    tokens: WholeChoice["tokens"][number][];
    ids: number[];
    finish: "stop" | "length";
  }[];

  constructor(count: number) {
    this.#choices = Array.from({ length: count }, () => ({
      text: "",
      tokens: [],
      ids: [],
      finish: "length",
    }));
  }

  add({ index, text, tokens, ids, finish }: ChoiceEvent): void {
    const choice = this.#choices[index];
    if (choice === undefined) return;
    choice.text += text;
    for (const token of tokens) choice.tokens.push(token);
    choice.ids.push(...ids);
    if (finish !== undefined) choice.finish = finish;
  }

  get choices(): readonly WholeChoice[] {
    return this.#choices;
  }
}

/** Seeds of several answers to one prompt: drawn with one seed they would all be the same. */
export function seedOf(seed: number, choice: number): number {
  return seed <= Number.MAX_SAFE_INTEGER - choice ? seed + choice : seed - choice;
}
