import type { FoundSettingsFile } from "./settings-file.ts";
import { SECRETS, type Setting } from "./settings.ts";

/** Where options came from that the command line does not show: for a line of text and for the JSON document. */
export interface Provenance {
  /** Null where none was read. */
  readonly file: string | null;
  /** A file that is there and was not read, and why. */
  readonly notRead?: { readonly file: string; readonly why: string };
  readonly options: readonly {
    readonly name: string;
    readonly value: string | number | boolean;
    /** A variable's name or the file's path. */
    readonly origin: string;
  }[];
}

/** Undefined where nothing but the command line decided. */
export function provenanceOf(
  found: FoundSettingsFile,
  used: readonly Setting[],
): Provenance | undefined {
  if (found.kind === "none" && used.length === 0) return undefined;
  const options = used.map(({ name, value, origin }) => ({
    name,
    value: SECRETS.has(name) ? "***" : value,
    origin,
  }));
  return {
    file: found.kind === "read" ? found.file.path : null,
    ...(found.kind === "not-read" ? { notRead: { file: found.path, why: found.why } } : {}),
    options,
  };
}

/** One line for each source of settings. */
export function renderProvenance({ file, notRead, options }: Provenance): readonly string[] {
  const from = (origin: string): string =>
    options
      .filter((option) => option.origin === origin)
      .map(({ name, value }) => `--${name} ${value}`)
      .join(", ");
  const variables = options.filter(({ origin }) => origin !== file).map(({ origin }) => origin);
  return [
    ...(notRead === undefined ? [] : [`settings: ${notRead.file} is not read: ${notRead.why}`]),
    ...(file === null ? [] : [`settings: ${file}: ${from(file) || "nothing for this command"}`]),
    ...variables.map((variable) => `settings: ${variable}: ${from(variable)}`),
  ];
}
