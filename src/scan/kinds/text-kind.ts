import type { ByteSource } from "../../tensor/byte-source.ts";
import type { Examination } from "../context.ts";
import { harmless, notUnderstood, type Judgement } from "../judgement.ts";

/** Texts that some program runs. */
const PROGRAMS =
  /\.(py|pyi|pyw|ipynb|sh|bash|zsh|bat|cmd|ps1|js|mjs|cjs|ts|lua|pl|rb|r|jl|java|c|cc|cpp|cu|cuh|h|hpp|rs|go|so|dll|exe|php|svg|html?)$/i;

/** Judges a text by its name, and by what its kind may hold. */
export function judgeText(source: ByteSource, { name }: Examination): Promise<Judgement> {
  void source;
  if (PROGRAMS.test(name)) {
    return Promise.resolve(notUnderstood("the text of a program, which scan does not judge"));
  }
  return Promise.resolve(harmless("a text that is no pickle, and no program by its name"));
}
