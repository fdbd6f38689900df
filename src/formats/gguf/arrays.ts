import { WbError } from "../../errors/wb-error.ts";
import type { ByteSource } from "../../tensor/byte-source.ts";
import { shownName } from "../../tensor/shown-name.ts";
import { damaged, GgufCursor } from "./cursor.ts";
import { SCALARS, STRING, type GgufArray, type GgufHeader } from "./header.ts";

/** Items of an array that are read at most: the largest vocabularies have 300,000 tokens. */
const MAX_READ = 4_000_000;

/** The texts of an array; undefined where the metadata has no such key. @throws WbError WB3511, WB5511. */
export async function readTexts(
  source: ByteSource,
  header: GgufHeader,
  key: string,
): Promise<readonly string[] | undefined> {
  const array = arrayAt(source, header, key);
  if (array === undefined) return undefined;
  if (array.itemType !== STRING)
    throw damaged(source.label, array.begin, `${shownName(key)}: expected texts`);
  const cursor = new GgufCursor(source, array.begin, header.byteOrder === "little");
  const texts: string[] = [];
  for (let item = 0; item < array.count; item++)
    texts.push(await cursor.text(`item ${item} of ${shownName(key)}`));
  return texts;
}

/** The numbers of an array; undefined where the metadata has no such key. @throws WbError WB3511, WB5511. */
export async function readNumbers(
  source: ByteSource,
  header: GgufHeader,
  key: string,
): Promise<readonly number[] | undefined> {
  const array = arrayAt(source, header, key);
  if (array === undefined) return undefined;
  const [bytes, read] = SCALARS.get(array.itemType) ?? [0, undefined];
  if (read === undefined)
    throw damaged(source.label, array.begin, `${shownName(key)}: expected numbers`);
  const isLittle = header.byteOrder === "little";
  const cursor = new GgufCursor(source, array.begin, isLittle);
  await cursor.need(bytes * array.count, shownName(key));
  return Array.from({ length: array.count }, () => Number(read(cursor.view(bytes), isLittle)));
}

function arrayAt(source: ByteSource, header: GgufHeader, key: string): GgufArray | undefined {
  const value = header.metadata.get(key);
  if (value === undefined) return undefined;
  if (typeof value !== "object")
    throw damaged(source.label, 0, `${shownName(key)}: expected an array`);
  if (value.count <= MAX_READ) return value;
  throw new WbError(
    "WB5511",
    `${source.label}: ${shownName(key)} has ${value.count} items, expected at most ${MAX_READ}`,
    { details: { path: source.label, offset: value.begin } },
  );
}
