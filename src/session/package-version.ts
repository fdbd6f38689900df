import { readFileSync } from "node:fs";

/** The version in package.json, which lies two folders up from the sources and from the build alike. */
export function packageVersion(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  const value: unknown = JSON.parse(text);
  const isPackage = typeof value === "object" && value !== null && "version" in value;
  return isPackage && typeof value.version === "string" ? value.version : "0.0.0";
}
