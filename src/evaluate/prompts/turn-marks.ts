import { WbError } from "../../errors/wb-error.ts";
import { recordIn, isRecord } from "../../model/config/fields.ts";
import { readSmall } from "../../sources/places.ts";
import type { TurnMarks } from "./render.ts";

/** What InternLM-chat was trained to see around each turn (OpenCompass's configs/models/hf_internlm_chat_7b.py). */
const INTERNLM: TurnMarks = {
  human: { begin: "<|User|>:", end: "<eoh>\n" },
  bot: { begin: "<|Bot|>:", end: "<eoa>\n" },
};

const MAX_BYTES = 2 ** 20;

/**
 * The marks that `--turns` names: "internlm", or a JSON file with begin and end of "human" and "bot".
 * @throws WbError WB2921 for anything else.
 */
export async function turnMarks(name: string): Promise<TurnMarks> {
  if (name === "internlm") return INTERNLM;
  const bytes = await readSmall(name, MAX_BYTES);
  const raw = bytes === undefined ? undefined : recordIn(new TextDecoder().decode(bytes));
  const [human, bot] = [marksIn(raw?.["human"]), marksIn(raw?.["bot"])];
  if (human !== undefined && bot !== undefined) return { human, bot };
  throw new WbError(
    "WB2921",
    `--turns ${name}: expected "internlm", or a JSON file such as {"human": {"begin": "…", "end": "…"}, "bot": {"begin": "…", "end": "…"}}`,
    { details: { path: name, field: "turns" } },
  );
}

function marksIn(value: unknown): TurnMarks["human"] | undefined {
  if (!isRecord(value)) return undefined;
  const { begin, end } = value;
  return typeof begin === "string" && typeof end === "string" ? { begin, end } : undefined;
}
