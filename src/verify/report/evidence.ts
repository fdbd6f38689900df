import { stat } from "node:fs/promises";
import { WbError } from "../../errors/wb-error.ts";
import { packageVersion } from "../../session/package-version.ts";
import { openFileSource } from "../../sources/file.ts";
import { isRemote } from "../../sources/remote/place.ts";
import { sourceDigest } from "../../sources/source-digest.ts";
import type { InputFile } from "../inputs.ts";
import type { VerifyResult } from "../result.ts";

/** A file that took part in a verification, and what was in it. */
export interface FileDigest extends InputFile {
  /** Null for a remote file: its bytes are not here to be read again. */
  readonly bytes: number | null;
  /** Of all of its bytes, in hexadecimal; null for a remote file. */
  readonly sha256: string | null;
}

/** What a verdict can be filed with: by what, when, and of which bytes it was given. */
export interface Evidence {
  readonly tool: { readonly name: "weighbridge"; readonly version: string };
  /** When the verification ended, by the machine's clock: ISO 8601 in UTC. */
  readonly time: string;
  readonly files: readonly FileDigest[];
}

/**
 * Digests of every file that a verification read.
 * @param result Given a moment ago: a file that was written to after it began is refused, since it may not be what was read.
 * @throws WbError WB3010; WB3001 and others of the system.
 */
export async function evidenceOf(
  result: Pick<VerifyResult, "inputs" | "seconds">,
  signal?: AbortSignal,
): Promise<Evidence> {
  const end = Date.now();
  const begin = end - result.seconds * 1000;
  const files: FileDigest[] = [];
  for (const input of result.inputs) files.push(await digestOf(input, begin, signal));
  return {
    tool: { name: "weighbridge", version: packageVersion() },
    time: new Date(end).toISOString(),
    files,
  };
}

async function digestOf(
  input: InputFile,
  begin: number,
  signal: AbortSignal | undefined,
): Promise<FileDigest> {
  if (isRemote(input.path)) return { ...input, bytes: null, sha256: null };
  const { sha256, bytes } = await fileDigest(input.path, signal);
  const { mtimeMs } = await stat(input.path);
  if (mtimeMs > begin)
    throw new WbError(
      "WB3010",
      `${input.path}: was written to while it was verified: its digest may not be that of what was read`,
      {
        details: {
          path: input.path,
          expected: `last written before ${new Date(begin).toISOString()}`,
          found: new Date(mtimeMs).toISOString(),
        },
      },
    );
  return { ...input, bytes, sha256 };
}

/** SHA-256 of a whole local file. @throws WbError of `openFileSource`. */
export async function fileDigest(
  path: string,
  signal?: AbortSignal,
): Promise<{ readonly bytes: number; readonly sha256: string }> {
  const source = await openFileSource(path);
  try {
    return { bytes: source.byteLength, sha256: await sourceDigest(source, signal) };
  } finally {
    await source.close();
  }
}
