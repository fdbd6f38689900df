import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { BOMBS } from "./bombs.ts";
import { BROKEN_GGUF } from "./broken-gguf.ts";
import { BROKEN_INDEXES } from "./broken-index.ts";
import { BROKEN_PADDLE } from "./broken-paddle.ts";
import { BROKEN_SAFETENSORS } from "./broken-safetensors.ts";
import { BROKEN_LEGACY } from "./broken-legacy.ts";
import { BROKEN_TENSORS } from "./broken-tensors.ts";
import { BROKEN_ZIPS } from "./broken-zip.ts";
import { fileNameOf, type HostileFile } from "./hostile-file.ts";
import { ODD } from "./odd.ts";
import { PAYLOADS } from "./payloads.ts";

/** Every hostile, broken or odd file there is a builder for. */
export const CORPUS: readonly HostileFile[] = [
  ...PAYLOADS,
  ...BOMBS,
  ...BROKEN_ZIPS,
  ...BROKEN_TENSORS,
  ...BROKEN_LEGACY,
  ...BROKEN_PADDLE,
  ...BROKEN_SAFETENSORS,
  ...BROKEN_INDEXES,
  ...BROKEN_GGUF,
  ...ODD,
];

/** Writes a case below a folder, and gives the path to be opened. */
export function writeHostile(file: HostileFile, folder: string): string {
  const path = join(folder, fileNameOf(file));
  const built = file.build();
  if (built instanceof Uint8Array) {
    writeFileSync(path, built);
    return path;
  }
  for (const [name, bytes] of built) {
    const part = join(path, name);
    mkdirSync(dirname(part), { recursive: true });
    writeFileSync(part, bytes);
  }
  return path;
}
