import { WbError } from "../errors/wb-error.ts";
import type { ModelConfig } from "../model/config/model-config.ts";
import { hasOneRow, outputPositions } from "../model/encoder-heads.ts";
import { openTokenizer } from "../runtime/tokenizer/tokenizer.ts";
import type { TokenizerForm } from "../runtime/tokenizer/tokenizer-form.ts";
import { formNotes } from "./form-notes.ts";

/** A prompt as text, which the model's tokenizer encodes, or as token ids. */
export type Prompt =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "ids"; readonly ids: readonly number[] };

/** The prompts that are texts. */
export function textsOf(prompts: readonly Prompt[]): readonly string[] {
  return prompts.flatMap((prompt) => (prompt.kind === "text" ? [prompt.text] : []));
}

/**
 * Token ids of prompts; the tokenizer is opened only where one is text.
 * @param onNotes Is told where the other class of the tokenizer gives other ids.
 * @param form Which class LLaMA's SentencePiece model is read as.
 * @throws WbError WB2801 for an empty prompt.
 */
export async function encodePrompts(
  folder: string,
  prompts: readonly Prompt[],
  onNotes?: (notes: readonly string[]) => void,
  form?: TokenizerForm,
): Promise<readonly (readonly number[])[]> {
  if (prompts.length === 0) throw new WbError("WB2801", "expected at least one prompt");
  const needsTokenizer = prompts.some(({ kind }) => kind === "text");
  const tokenizer = needsTokenizer ? await openTokenizer(folder, form) : undefined;
  if (onNotes !== undefined) onNotes(await formNotes(tokenizer, textsOf(prompts)));
  const encoded = prompts.map((prompt) =>
    prompt.kind === "ids" ? prompt.ids : (tokenizer?.encode(prompt.text) ?? []),
  );
  const empty = encoded.findIndex((ids) => ids.length === 0);
  if (empty !== -1)
    throw new WbError("WB2801", `prompt ${empty}: expected at least one token`, {
      details: { prompt: empty },
    });
  return encoded;
}

/**
 * Token indices of one prompt, for which a model gives rows of outputs; all that it gives rows for when nothing is asked for.
 * @throws WbError WB2801 for one that the prompt has not, or that the model's head gives nothing for.
 */
export function wantedPositions(
  config: ModelConfig,
  tokens: number,
  wanted: "all" | "last" | readonly number[] | undefined,
): readonly number[] {
  if (wanted === undefined || wanted === "all") return outputPositions(config, tokens);
  const positions = positionsOf(tokens, wanted);
  const [beyond] = hasOneRow(config) ? positions.filter((position) => position !== 0) : [];
  if (beyond === undefined) return positions;
  throw new WbError(
    "WB2801",
    `position ${beyond}: ${config.architecture} gives one row for the whole text, which stands at position 0`,
    { details: { position: beyond, tokens } },
  );
}

/** Token indices of one prompt. @throws WbError WB2801 for one that it has not. */
function positionsOf(
  tokens: number,
  wanted: "all" | "last" | readonly number[],
): readonly number[] {
  if (wanted === "last") return [tokens - 1];
  if (wanted === "all") return Array.from({ length: tokens }, (_, index) => index);
  return wanted.map((position) => {
    const index = position < 0 ? tokens + position : position;
    if (Number.isSafeInteger(index) && index >= 0 && index < tokens) return index;
    throw new WbError(
      "WB2801",
      `position ${position}: the prompt has ${tokens} tokens, 0 to ${tokens - 1}`,
      { details: { position, tokens } },
    );
  });
}
