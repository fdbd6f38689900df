import { WbError } from "../../errors/wb-error.ts";
import type { Tokenizer } from "../../runtime/tokenizer/tokenizer.ts";
import type { Prompt } from "../../session/prompts.ts";
import { DEFAULT_PROMPTS, idPrompts } from "../prompts.ts";

/** A prompt that a server is asked to complete. */
export interface EndpointPrompt {
  readonly name: string;
  readonly ids: readonly number[];
  /** What the ids are of; undefined where they are of no text. */
  readonly text: string | undefined;
}

/** The beginning-of-sequence id where nothing says another. */
const BOS_ID = 1;

/**
 * The prompts: as given, or the built-in texts, each and all together, or drawn ids where there is no tokenizer.
 * @param room Tokens of a prompt at most.
 * @throws WbError WB2801, WB2964.
 */
export function endpointPrompts(
  given: readonly Prompt[] | undefined,
  tokenizer: Tokenizer | undefined,
  vocabSize: number,
  room: number,
): readonly EndpointPrompt[] {
  const fits = ({ ids }: Omit<EndpointPrompt, "name">): boolean =>
    ids.length > 0 && ids.length <= room && ids.every((id) => id < vocabSize);
  if (given === undefined) {
    const texts = [...DEFAULT_PROMPTS, DEFAULT_PROMPTS.join("\n")];
    const read = texts.flatMap((text) =>
      tokenizer === undefined ? [] : [{ text, ids: tokenizer.encode(text) }],
    );
    const usable = read.filter(fits);
    if (usable.length > 0) return usable.map(named);
    return idPrompts(vocabSize, room, BOS_ID).map((ids, index) =>
      named({ ids, text: undefined }, index),
    );
  }
  return given.map((prompt, index) => {
    const entry =
      prompt.kind === "ids"
        ? { ids: prompt.ids, text: undefined }
        : { ids: tokenizer?.encode(prompt.text) ?? [], text: prompt.text };
    if (fits(entry)) return named(entry, index);
    if (entry.ids.length === 0)
      throw new WbError("WB2801", `prompt ${index}: expected at least one token`, {
        details: { prompt: index },
      });
    throw new WbError(
      "WB2964",
      `prompt ${index}: ${entry.ids.length} tokens, expected at most ${room} with ids below ${vocabSize}, so that the model's context has room for an answer`,
      { details: { setting: `prompt ${index}` } },
    );
  });
}

function named(entry: Omit<EndpointPrompt, "name">, index: number): EndpointPrompt {
  return { name: `prompt.${index}`, ...entry };
}
