import { WbError } from "../../errors/wb-error.ts";
import { readSmall } from "../../sources/places.ts";
import type { Item } from "../item.ts";
import { itemIn } from "../item-in.ts";

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
