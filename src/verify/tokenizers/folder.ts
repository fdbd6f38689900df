import { basename } from "node:path";
import { WbError } from "../../errors/wb-error.ts";
import { modelFiles } from "../../formats/gguf/model-files.ts";
import { allTokenizerFiles, type TokenizerFile } from "../../runtime/tokenizer/tokenizer-files.ts";
import {
  findTokenizer,
  openTokenizerFile,
  type Tokenizer,
} from "../../runtime/tokenizer/tokenizer.ts";
import type { TokenizerForm } from "../../runtime/tokenizer/tokenizer-form.ts";
import type { ModelFiles } from "../../sources/model-files.ts";
import type { Diagnosis } from "../diagnose/diagnosis.ts";
import {
  compareTokenizers,
  differenceText,
  isAnotherTokenizer,
  type NamedTokenizer,
  type TokenizerComparison,
} from "./compare.ts";

/** What came of comparing tokenizers. */
export interface TokenizerFindings {
  /** Another tokenizer. */
  readonly diagnoses: readonly Diagnosis[];
  /** What differs as classes of one tokenizer do, and what could not be compared. */
  readonly notes: readonly string[];
  /** How many texts were compared. */
  readonly texts: number;
}

export const NOTHING_COMPARED: TokenizerFindings = { diagnoses: [], notes: [], texts: 0 };

/**
 * Holds the tokenizer that is used of a folder against those that its other files are.
 * @param form Which class LLaMA's SentencePiece model is read as, where it is the one that is used.
 */
export async function compareWithinFolder(
  folder: string,
  form?: TokenizerForm,
): Promise<TokenizerFindings> {
  const files = await modelFiles(folder);
  const [used, ...others] = allTokenizerFiles(await files.names());
  if (used === undefined) return NOTHING_COMPARED;
  if (others.length === 0) return betweenClasses(files, used, form);
  const notes: string[] = [];
  const opened: NamedTokenizer[] = [];
  for (const file of [used, ...others]) {
    try {
      const tokenizer = await openTokenizerFile(files, file, file === used ? form : undefined);
      opened.push({ name: file.name, tokenizer });
    } catch (error) {
      if (!(error instanceof WbError)) throw error;
      notes.push(`${file.name} is not compared with the other tokenizer files: ${error.message}`);
    }
  }
  const [first, ...rest] = opened;
  if (first === undefined || first.name !== used.name) return { ...NOTHING_COMPARED, notes };
  // What is put before and behind a text is said beside them all, and read otherwise by each class.
  const comparisons = rest.map((other) => compareTokenizers(first, other, false));
  return judged(comparisons, notes);
}

/** Holds the two classes against each other that one file may be read as; what differs is said, and is no fault of the folder's. */
async function betweenClasses(
  files: ModelFiles,
  file: TokenizerFile,
  asked: TokenizerForm | undefined,
): Promise<TokenizerFindings> {
  let both: readonly [slow: Tokenizer, fast: Tokenizer];
  let form: Tokenizer["form"];
  try {
    const used = await openTokenizerFile(files, file, asked);
    if (used.other === undefined) return NOTHING_COMPARED;
    const other = await used.other();
    ({ form } = used);
    both = form === "slow" ? [used, other] : [other, used];
  } catch (error) {
    // Whether the folder has a tokenizer that can be read is said where one is needed.
    if (error instanceof WbError) return NOTHING_COMPARED;
    throw error;
  }
  const [slow, fast] = both;
  const [slowName, fastName] = ["transformers 4's slow class", "transformers 5"] as const;
  const comparison = compareTokenizers(
    { name: slowName, tokenizer: slow },
    { name: fastName, tokenizer: fast },
    true,
  );
  const text = differenceText(comparison);
  const note =
    form === "slow"
      ? `${file.name} is read as transformers 4's slow class reads it; ${text ?? ""}`
      : `${file.name} is read as transformers 5 reads it; ${text ?? ""}`;
  return { diagnoses: [], notes: text === undefined ? [] : [note], texts: comparison.texts };
}

/** Holds a folder's tokenizer against another model's; nothing where one of them has none. */
export async function compareFolders(ours: string, other: string): Promise<TokenizerFindings> {
  if (ours === other) return NOTHING_COMPARED;
  const [left, right] = await Promise.all([findTokenizer(ours), findTokenizer(other)]);
  if (left === undefined || right === undefined) return NOTHING_COMPARED;
  const [here, there] = [basename(ours), basename(other)];
  const names = here === there ? [ours, other] : [here, there];
  const comparison = compareTokenizers(
    { name: names[0] ?? ours, tokenizer: left },
    { name: names[1] ?? other, tokenizer: right },
    true,
  );
  return judged([comparison], []);
}

function judged(
  comparisons: readonly TokenizerComparison[],
  notes: readonly string[],
): TokenizerFindings {
  const found = comparisons.flatMap((comparison) => {
    const text = differenceText(comparison);
    return text === undefined ? [] : [{ isAnother: isAnotherTokenizer(comparison), text }];
  });
  return {
    diagnoses: found
      .filter(({ isAnother }) => isAnother)
      .map(({ text }) => ({ cause: "tokenizer", tensors: [], evidence: text })),
    notes: [
      ...notes,
      ...found
        .filter(({ isAnother }) => !isAnother)
        .map(({ text }) => `tokenizers agree but for spaces and special tokens in a text: ${text}`),
    ],
    texts: comparisons.reduce((sum, { texts }) => sum + texts, 0),
  };
}
