import { readFileSync } from "node:fs";
import { join } from "node:path";
import { openTokenizer } from "../../src/runtime/tokenizer/tokenizer.ts";
import { streamDecoder } from "../../src/runtime/tokenizer/stream-decoder.ts";
import { isRecord } from "./is-record.ts";

/** What Python's `tokenizers` makes of texts and ids (fixtures/make/json_tokenizers.py), and where we differ. */
export interface TokenAgreement {
  readonly texts: number;
  readonly sequences: number;
  /** Different lists of ids that the texts have. */
  readonly different: number;
  readonly differing: readonly unknown[];
}

/** @param folder Made by json_tokenizers.py. */
export async function tokenAgreement(folder: string, kind: string): Promise<TokenAgreement> {
  const texts = list(readJson(join(folder, "texts.json"))).map(String);
  const expected = readJson(join(folder, kind, "expected.json"));
  if (!isRecord(expected)) throw new Error(`${kind}: no expectations`);
  const tokenizer = await openTokenizer(join(folder, kind));
  const differing: unknown[] = [];
  const compare = (what: string, given: unknown, ours: unknown, wanted: unknown): void => {
    if (JSON.stringify(ours) !== JSON.stringify(wanted))
      differing.push({ what, given, ours, wanted });
  };
  for (const [index, ids] of list(expected["ids"]).entries())
    compare("ids", texts[index], tokenizer.encode(texts[index] ?? ""), ids);
  for (const [index, ids] of list(expected["bare"]).entries())
    compare(
      "bare",
      texts[index],
      tokenizer.encode(texts[index] ?? "", { addSpecialTokens: false }),
      ids,
    );
  const sequences = list(expected["sequences"]).map((ids) => list(ids).map(Number));
  for (const [index, ids] of sequences.entries()) {
    compare("decoded", ids, tokenizer.decode(ids), list(expected["decoded"])[index]);
    const skipped = list(expected["skipped"])[index];
    compare("skipped", ids, tokenizer.decode(ids, { skipSpecialTokens: true }), skipped);
    const stream = streamDecoder(tokenizer);
    compare("streamed", ids, ids.map((id) => stream.push([id])).join("") + stream.end(), skipped);
  }
  const different = new Set(list(expected["ids"]).map((ids) => JSON.stringify(ids))).size;
  return { texts: texts.length, sequences: sequences.length, different, differing };
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, "utf8"));
}

function list(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new Error("expected a list");
  return value;
}
