import { isRecord, recordIn } from "../model/config/fields.ts";
import type { Item } from "./item.ts";

/** The item that a line of a details file is; undefined where it is none. */
export function itemIn(line: string): Item | undefined {
  const raw = recordIn(line);
  return raw === undefined ? undefined : itemOf(raw);
}

/** As `itemIn`, of an object that was read. */
export function itemOf(raw: unknown): Item | undefined {
  if (!isRecord(raw)) return undefined;
  const { task, index, prediction, answer, correct, scores, raw: text, cut, dropped } = raw;
  if (typeof task !== "string" || typeof index !== "number" || typeof answer !== "string")
    return undefined;
  if (prediction !== null && typeof prediction !== "string") return undefined;
  if (correct !== null && typeof correct !== "boolean") return undefined;
  const rest = {
    ...(typeof text === "string" ? { raw: text } : {}),
    ...(typeof cut === "number" ? { cut } : {}),
    ...(typeof dropped === "number" ? { dropped } : {}),
  };
  if (scores === undefined) return { task, index, prediction, answer, correct, ...rest };
  if (!isRecord(scores)) return undefined;
  const numbers = Object.entries(scores).flatMap(([label, score]): [string, number][] =>
    typeof score === "number" ? [[label, score]] : [],
  );
  if (numbers.length !== Object.keys(scores).length) return undefined;
  return { task, index, prediction, answer, correct, scores: Object.fromEntries(numbers), ...rest };
}
