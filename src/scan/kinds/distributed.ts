import { dirname, join } from "node:path";
import { WbError } from "../../errors/wb-error.ts";
import { readDcpTable, type ChunkPlace } from "../../formats/dcp/metadata.ts";
import { DCP_TABLE, isDistributedPart } from "../../formats/sets/training-folder.ts";
import { sliceSource } from "../../sources/file.ts";
import { openPlace } from "../../sources/places.ts";
import type { ByteSource } from "../../tensor/byte-source.ts";
import { inside, type Examination } from "../context.ts";
import { notUnderstood, together, type Judgement } from "../judgement.ts";
import type { Examine } from "./zip.ts";

/**
 * Judges a part of torch's distributed checkpoint (`.distcp`) by what its table says is where: each range is what torch.save writes
 * of one entry, and is examined as such, and no byte may be outside of them. Undefined where it is no such part, or has no table.
 */
export async function examineDistributed(
  source: ByteSource,
  context: Examination,
  examine: Examine,
): Promise<Judgement | undefined> {
  if (context.member !== "" || !isDistributedPart(context.name)) return undefined;
  const places = await placesIn(context);
  if (places === undefined) return undefined;
  context.budget.members(places.length, source.label);
  const judged: (readonly [string, Judgement])[] = [];
  let end = 0;
  for (const { key, begin, byteLength } of places) {
    if (begin !== end || begin + byteLength > source.byteLength)
      return notUnderstood(
        `a part of a distributed checkpoint, whose table does not say what is in it from byte ${end} on`,
      );
    const member = `${key}@${begin}`;
    const part = sliceSource(source, begin, byteLength);
    judged.push([member, await examine(part, inside(context, member))]);
    end = begin + byteLength;
  }
  if (end !== source.byteLength)
    return notUnderstood(
      `a part of a distributed checkpoint, with ${source.byteLength - end} bytes at its end that its table does not name`,
    );
  return together(`a part of a distributed checkpoint of ${places.length} entries`, judged);
}

/** What the table beside a part says of it, in the order of its bytes. */
async function placesIn({
  findings,
  name,
  signal,
}: Examination): Promise<readonly ChunkPlace[] | undefined> {
  const table = join(dirname(findings.file), DCP_TABLE);
  try {
    const source = await openPlace(table, signal);
    try {
      const { places } = await readDcpTable(source);
      return places
        .filter(({ file }) => file === name)
        .toSorted((left, right) => left.begin - right.begin);
    } finally {
      await source.close();
    }
  } catch (error) {
    // A table that is wrong is told of where it is scanned itself.
    if (error instanceof WbError) return undefined;
    throw error;
  }
}
