import { readFileSync } from "node:fs";
import { WbError } from "../errors/wb-error.ts";

/** The version in our own package.json, two folders up from the sources and from the build alike. @throws WbError WB7001. */
export function packageVersion(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  const value: unknown = JSON.parse(text);
  const isOurs =
    typeof value === "object" &&
    value !== null &&
    "name" in value &&
    value.name === "weighbridge" &&
    "version" in value;
  if (isOurs && typeof value.version === "string") return value.version;
  throw new WbError("WB7001", "the package.json of weighbridge itself was not found");
}
