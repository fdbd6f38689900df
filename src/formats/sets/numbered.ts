import { join } from "node:path";
import type { WeightSet } from "./weight-set.ts";

/** One file of several, by its name: `model-00001-of-00003.safetensors` is number 1 of 3. */
export interface NumberedName {
  /** What stands before and behind the numbers; equal for all files of one set. */
  readonly stem: string;
  readonly ending: string;
  readonly number: number;
  readonly count: number;
  /** Digits of a number, with leading zeros. */
  readonly digits: number;
}

const NUMBERED =
  /^(?<stem>.*?)[-_.](?<number>\d{1,6})[-_]of[-_](?<count>\d{1,6})(?<ending>\.[\w.-]+)$/;

/** What a file's name says of its place in a set; undefined for files that are whole. */
export function numberedName(name: string): NumberedName | undefined {
  const groups = NUMBERED.exec(name)?.groups;
  if (groups === undefined) return undefined;
  const { stem = "", number = "", count = "", ending = "" } = groups;
  return { stem, ending, number: Number(number), count: Number(count), digits: number.length };
}

const FRAMEWORK_OF_ENDING: readonly (readonly [RegExp, WeightSet["framework"]])[] = [
  [/\.safetensors$/, "safetensors"],
  [/\.(bin|pt|pth|ckpt)$/, "pytorch"],
  [/\.pdparams$/, "paddle"],
  [/\.gguf$/, "gguf"],
];

/**
 * Sets of numbered files, whole or not. Files count from 1, those of some writers from 0.
 * @param names Of weight files that no index names.
 */
export function numberedSets(names: readonly string[], folder: string): readonly WeightSet[] {
  const bySet = new Map<string, { name: string; place: NumberedName }[]>();
  for (const name of names) {
    const place = numberedName(name);
    if (place === undefined) continue;
    const key = JSON.stringify([place.stem, place.ending, place.count]);
    const files = bySet.get(key) ?? [];
    bySet.set(key, files);
    files.push({ name, place });
  }
  return [...bySet.values()].flatMap((files) => numberedSet(files, folder));
}

function numberedSet(
  files: readonly { readonly name: string; readonly place: NumberedName }[],
  folder: string,
): readonly WeightSet[] {
  const [first] = files;
  if (first === undefined) return [];
  const framework = FRAMEWORK_OF_ENDING.find(([ending]) => ending.test(first.name))?.[1];
  if (framework === undefined) return [];
  const { stem, ending, count, digits } = first.place;
  const begin = files.some(({ place }) => place.number === 0) ? 0 : 1;
  const nameOf = (number: number): string =>
    first.name.replace(/\d+(?=[-_]of[-_]\d+\.)/, String(number).padStart(digits, "0"));
  const present = new Map(files.map(({ name, place }) => [place.number, name]));
  const numbers = Array.from({ length: count }, (_unused, index) => begin + index);
  const missing = numbers.filter((number) => !present.has(number)).map(nameOf);
  const parts = numbers.flatMap((number) => {
    const name = present.get(number);
    return name === undefined ? [] : [{ path: join(folder, name) }];
  });
  const name = `${count} shards ${stem}-…${ending}`;
  return [{ framework, kind: "shards", path: folder, name, parts, missing, notes: [] }];
}
