import { WbError } from "../../errors/wb-error.ts";
import { isRecord, recordIn } from "../../model/config/fields.ts";
import { readSmall } from "../../sources/places.ts";
import type { Item } from "../item.ts";

const MAX_BYTES = 2 ** 30;

/**
 * Reads what an earlier run wrote with --details.
 * @throws WbError WB3921 where there is no such file, WB3925 for a line that is no item.
 */
export async function readResults(path: string): Promise<readonly Item[]> {
  const bytes = await readSmall(path, MAX_BYTES);
  if (bytes === undefined)
    throw new WbError("WB3921", `${path}: no such file`, { details: { path } });
  return new TextDecoder()
    .decode(bytes)
    .split("\n")
    .flatMap((line, index) => {
      if (line.trim() === "") return [];
      const item = itemIn(line);
      if (item !== undefined) return [item];
      throw new WbError(
        "WB3925",
        `${path}: line ${index + 1}: expected an item with task, index, prediction, answer and correct, found ${line.slice(0, 60)}`,
        { details: { path } },
      );
    });
}

function itemIn(line: string): Item | undefined {
  const raw = recordIn(line);
  if (raw === undefined) return undefined;
  const { task, index, prediction, answer, correct, scores } = raw;
  if (typeof task !== "string" || typeof index !== "number" || typeof answer !== "string")
    return undefined;
  if (prediction !== null && typeof prediction !== "string") return undefined;
  if (correct !== null && typeof correct !== "boolean") return undefined;
  if (scores === undefined) return { task, index, prediction, answer, correct };
  if (!isRecord(scores)) return undefined;
  const numbers = Object.entries(scores).flatMap(([label, score]): [string, number][] =>
    typeof score === "number" ? [[label, score]] : [],
  );
  if (numbers.length !== Object.keys(scores).length) return undefined;
  return { task, index, prediction, answer, correct, scores: Object.fromEntries(numbers) };
}
