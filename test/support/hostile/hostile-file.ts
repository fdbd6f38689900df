import type { ErrorCode } from "../../../src/errors/codes.ts";

/** What loads such files elsewhere, and with it the ending that the file gets. */
export type Reader = "torch" | "paddle" | "safetensors" | "transformers" | "llama.cpp";

/** A file, or a folder of files, that somebody hostile, careless or merely odd could have made. */
export interface HostileFile {
  /** Unique; the file's name without its ending. */
  readonly name: string;
  /** What it is, as one fact. */
  readonly fact: string;
  /**
   * payload: runs code where it is unpickled; bomb: asks for much more time or memory than its size; broken: no reading is
   * right; odd: unusual, and to be read.
   */
  readonly kind: "payload" | "bomb" | "broken" | "odd";
  readonly reader: Reader;
  /** The code it is refused with, or the number of tensors read from it. */
  readonly expected: ErrorCode | number;
  /** The bytes; of a folder those of each file, where the index comes first. */
  readonly build: () => Uint8Array | ReadonlyMap<string, Uint8Array>;
}

export type Case = readonly [
  name: string,
  fact: string,
  expected: HostileFile["expected"],
  build: HostileFile["build"],
];

/** Cases of one kind for one reader. */
export function hostileFiles(
  kind: HostileFile["kind"],
  reader: Reader,
  cases: readonly Case[],
): readonly HostileFile[] {
  return cases.map(([name, fact, expected, build]) => ({
    name,
    fact,
    kind,
    reader,
    expected,
    build,
  }));
}

const ENDINGS: Readonly<Record<Reader, string>> = {
  torch: ".bin",
  paddle: ".pdparams",
  safetensors: ".safetensors",
  transformers: "",
  "llama.cpp": ".gguf",
};

/** The name of the file or folder. */
export function fileNameOf({ name, reader }: HostileFile): string {
  return name + ENDINGS[reader];
}
