import { WbError } from "../errors/wb-error.ts";
import type { Tokenizer } from "../runtime/tokenizer/tokenizer.ts";

/** Ids of a message. */
const SHOWN = 4;

/**
 * Where a text has other ids in the other class of transformers, one sentence; nothing where there is one class, or
 * both agree on these texts.
 */
export async function formNotes(
  tokenizer: Tokenizer | undefined,
  texts: readonly string[],
): Promise<readonly string[]> {
  if (tokenizer?.other === undefined || tokenizer.form === undefined) return [];
  if (texts.length === 0) return [];
  const other = await readable(tokenizer.other());
  if (other === undefined) return [];
  for (const text of texts) {
    const [ours, theirs] = [tokenizer.encode(text), other.encode(text)];
    const at = Array.from(
      { length: Math.max(ours.length, theirs.length) },
      (_, index) => index,
    ).find((index) => ours[index] !== theirs[index]);
    if (at === undefined) continue;
    const [there, here] = [shown(theirs, at), shown(ours, at)];
    return [
      tokenizer.form === "slow"
        ? `tokenizer: ids as of LlamaTokenizer in transformers 4; transformers 5 gives a prompt others from token ${at} on, ${there} for ${here}; --tokenizer fast takes those`
        : `tokenizer: ids as of LlamaTokenizerFast and transformers 5; the slow class of transformers 4 gives a prompt others from token ${at} on, ${there} for ${here}; --tokenizer slow takes those`,
    ];
  }
  return [];
}

/** Undefined where the file cannot be read as the other class: then it has no other ids. */
async function readable(opened: Promise<Tokenizer>): Promise<Tokenizer | undefined> {
  try {
    return await opened;
  } catch (error) {
    if (error instanceof WbError) return undefined;
    throw error;
  }
}

/** The ids from one on; "nothing" behind the last. */
function shown(ids: readonly number[], at: number): string {
  const behind = ids.slice(at);
  if (behind.length === 0) return "nothing";
  return `${behind.slice(0, SHOWN).join(", ")}${behind.length > SHOWN ? ", …" : ""}`;
}
