import { checkSettingsFile, checkVariables } from "./check-settings.ts";
import type { Command } from "./command.ts";
import { findSettingsFile, type FoundSettingsFile } from "./settings-file.ts";
import type { SettingSources } from "./settings.ts";

/** The settings outside the command line, found and held against the options that there are. @throws WbError WB2002. */
export function findSettings(
  environment: Readonly<Record<string, string | undefined>>,
  workingFolder: string,
  places: () => readonly string[],
  commands: readonly Command[],
): { readonly found: FoundSettingsFile; readonly sources: SettingSources } {
  checkVariables(environment, commands);
  const found = findSettingsFile(environment, workingFolder, places);
  const file = found.kind === "read" ? found.file : undefined;
  if (file !== undefined) checkSettingsFile(file, commands);
  return { found, sources: { environment, file } };
}
