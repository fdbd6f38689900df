import { WbError } from "../../errors/wb-error.ts";
import { isRecord, recordIn } from "../../model/config/fields.ts";
import { readSmall } from "../../sources/places.ts";

/** What a table needs of one evaluation. */
export interface ScoredModel {
  readonly model: string;
  readonly variant: string;
  readonly compute: string;
  /** Undefined in results of earlier versions. */
  readonly activations?: string | undefined;
  readonly tasks: readonly {
    readonly name: string;
    readonly group: string | null;
    readonly items: number;
    readonly score: number | null;
  }[];
  readonly groups: readonly {
    readonly name: string;
    readonly tasks: number;
    readonly score: number | null;
  }[];
}

const MAX_BYTES = 2 ** 28;

/** Reads what `eval --json` printed. @throws WbError WB3921 for no such file, WB3930 for another one. */
export async function readResult(path: string): Promise<ScoredModel> {
  const bytes = await readSmall(path, MAX_BYTES);
  if (bytes === undefined)
    throw new WbError("WB3921", `${path}: no such file`, { details: { path } });
  const raw = recordIn(new TextDecoder().decode(bytes));
  const refuse = (found: string): WbError =>
    new WbError("WB3930", `${path}: expected what \`eval --json\` prints, found ${found}`, {
      details: { path },
    });
  if (raw === undefined) throw refuse("no JSON object");
  if (isRecord(raw["error"])) throw refuse(`an error, ${String(raw["error"]["code"])}`);
  if (raw["command"] !== "eval") throw refuse(`the result of ${JSON.stringify(raw["command"])}`);
  if (!isScored(raw)) throw refuse("no scores");
  return raw;
}

function isScored(raw: Readonly<Record<string, unknown>>): raw is ScoredModel & typeof raw {
  const { model, variant, compute, activations, tasks, groups } = raw;
  return (
    [model, variant, compute].every((value) => typeof value === "string") &&
    ["string", "undefined"].includes(typeof activations) &&
    Array.isArray(tasks) &&
    tasks.every(
      (task) =>
        isRecord(task) &&
        typeof task["name"] === "string" &&
        (task["group"] === null || typeof task["group"] === "string") &&
        typeof task["items"] === "number" &&
        isScore(task["score"]),
    ) &&
    Array.isArray(groups) &&
    groups.every(
      (group) =>
        isRecord(group) &&
        typeof group["name"] === "string" &&
        typeof group["tasks"] === "number" &&
        isScore(group["score"]),
    )
  );
}

function isScore(value: unknown): boolean {
  return value === null || typeof value === "number";
}
