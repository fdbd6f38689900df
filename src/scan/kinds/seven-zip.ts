import { crc32 } from "node:zlib";
import { WbError } from "../../errors/wb-error.ts";
import { memorySource } from "../../sources/file.ts";
import type { ByteSource } from "../../tensor/byte-source.ts";
import { reportLeavingNames } from "../archive/member-name.ts";
import { readSevenZip, unpackFolder } from "../archive/seven-zip.ts";
import type { SevenFolder, SevenHeader } from "../archive/seven-zip-header.ts";
import { SLOW } from "../archive/unpack.ts";
import { inside, type Examination } from "../context.ts";
import { DecodeFault } from "../decode/output.ts";
import { notUnderstood, together, type Judgement } from "../judgement.ts";
import type { Examine } from "./zip.ts";

/** Judges an archive of 7-Zip by all its members. */
export async function examineSevenZip(
  source: ByteSource,
  context: Examination,
  examine: Examine,
): Promise<Judgement> {
  let header: SevenHeader;
  try {
    header = await readSevenZip(source);
    context.budget.members(header.names.length, source.label);
  } catch (error) {
    if (!(error instanceof DecodeFault || error instanceof WbError)) throw error;
    return notUnderstood(`an archive of 7-Zip that ${error.message}`);
  }
  reportLeavingNames(header.names, source.label, context);
  const judged: (readonly [string, Judgement])[] = [];
  let first = 0;
  for (const folder of header.folders) {
    const names = header.names.slice(first, first + folder.parts.length);
    judged.push(...(await judgeFolder(source, folder, names, context, examine)));
    first += folder.parts.length;
  }
  return together("an archive of 7-Zip", judged);
}

async function judgeFolder(
  source: ByteSource,
  folder: SevenFolder,
  names: readonly string[],
  context: Examination,
  examine: Examine,
): Promise<readonly (readonly [string, Judgement])[]> {
  context.signal?.throwIfAborted();
  const { bytes, fault } = await unpackFolder(source, folder, context.budget.streamBytes);
  context.budget.inflated(bytes.byteLength * SLOW);
  const judged: (readonly [string, Judgement])[] = [];
  let begin = 0;
  for (const [at, { size, crc }] of folder.parts.entries()) {
    const name = names[at] ?? "";
    const part = bytes.subarray(begin, begin + size);
    begin += size;
    const judgement = await judge(part, `${source.label}: ${name}`, name, context, examine);
    const isWhole =
      fault === undefined && part.byteLength === size && (crc === undefined || crc === crc32(part));
    const why = fault ?? "is damaged: a member has another checksum";
    judged.push([name, isWhole ? judgement : notUnderstood(`its folder ${why}`)]);
  }
  return judged;
}

async function judge(
  bytes: Uint8Array,
  label: string,
  name: string,
  context: Examination,
  examine: Examine,
): Promise<Judgement> {
  try {
    return await examine(memorySource(bytes, label), inside(context, name));
  } catch (error) {
    if (!(error instanceof WbError)) throw error;
    context.findings.takeUnsafe(error);
    return notUnderstood(error.message);
  }
}
