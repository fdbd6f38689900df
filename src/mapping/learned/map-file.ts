import { WbError } from "../../errors/wb-error.ts";
import { recordIn } from "../../model/config/fields.ts";
import { parseStatement, renderStatement, type LearnedStatement } from "./statement.ts";

const KIND = "weighbridge map";
const SCHEMA_VERSION = 1;

/** The text of a map. */
export function renderMap(statements: readonly LearnedStatement[]): string {
  const map = {
    schemaVersion: SCHEMA_VERSION,
    kind: KIND,
    statements: statements.map(renderStatement),
  };
  return `${JSON.stringify(map, undefined, 1)}\n`;
}

/** @throws WbError WB3711. */
export function parseMap(text: string, path: string): readonly LearnedStatement[] {
  const map = recordIn(text);
  const statements: unknown = map?.["statements"];
  const list: readonly unknown[] = Array.isArray(statements) ? statements : [];
  const isMap = map?.["kind"] === KIND && map["schemaVersion"] === SCHEMA_VERSION;
  if (!isMap || list.length === 0)
    throw new WbError("WB3711", `${path}: no map that \`weighbridge match --out\` wrote`, {
      details: { path },
    });
  return list.map((one) => parseStatement(typeof one === "string" ? one : "", path));
}
