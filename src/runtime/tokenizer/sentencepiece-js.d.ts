/** The part of @agnai/sentencepiece-js 1.1.1 that we use; the package has no types of its own. */
declare module "@agnai/sentencepiece-js" {
  export class SentencePieceProcessor {
    load(path: string): Promise<void>;
    encodeIds(text: string): number[];
  }
}
