import type { JsonPart } from "./json-part.ts";
import { readVocabulary, type Subwords, type Vocabulary } from "./vocabulary.ts";

/** BERT's WordPiece: the longest token, then the longest that goes on, and so forth. @throws WbError WB3802. */
export function readWordPiece(part: JsonPart): Subwords {
  const vocabulary = readVocabulary(part);
  const { idOf } = vocabulary;
  const unkId = unknownId(part, vocabulary);
  const prefix = part.text("continuing_subword_prefix", "##");
  const longestWord = part.count("max_input_chars_per_word", 100);
  let longestToken = 0;
  for (const token of idOf.keys()) longestToken = Math.max(longestToken, token.length);
  const encode = (text: string, ids: number[]): void => {
    const characters = Array.from(text);
    const found = characters.length > longestWord ? undefined : pieces(characters);
    if (found === undefined) ids.push(unkId);
    else for (const id of found) ids.push(id);
  };
  const pieces = (characters: readonly string[]): readonly number[] | undefined => {
    const ids: number[] = [];
    for (let begin = 0; begin < characters.length;) {
      let end = Math.min(characters.length, begin + longestToken);
      let id: number | undefined;
      for (; end > begin && id === undefined; end--)
        id = idOf.get((begin > 0 ? prefix : "") + characters.slice(begin, end).join(""));
      if (id === undefined) return undefined;
      ids.push(id);
      begin = end + 1;
    }
    return ids;
  };
  return { kind: "WordPiece", encode, ...lookUp(vocabulary) };
}

/** A token a word. @throws WbError WB3802. */
export function readWordLevel(part: JsonPart): Subwords {
  const vocabulary = readVocabulary(part);
  const unkId = unknownId(part, vocabulary);
  const encode = (text: string, ids: number[]): void => {
    ids.push(vocabulary.idOf.get(text) ?? unkId);
  };
  return { kind: "WordLevel", encode, ...lookUp(vocabulary) };
}

function lookUp({ idOf, tokenOf }: Vocabulary): Pick<Subwords, "size" | "idOf" | "tokenOf"> {
  return { size: idOf.size, idOf: (token) => idOf.get(token), tokenOf: (id) => tokenOf.get(id) };
}

function unknownId(part: JsonPart, { idOf }: Vocabulary): number {
  const id = idOf.get(part.text("unk_token"));
  if (id !== undefined) return id;
  throw part.problem("unk_token", "a token of the vocabulary");
}
