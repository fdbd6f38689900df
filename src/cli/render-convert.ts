import { shownName } from "../tensor/shown-name.ts";
import type { ConvertResult, PartsStep } from "../api/convert.ts";
import { collapseLayers } from "./collapse-layers.ts";
import { plural } from "./plural.ts";
import { renderBytes, renderSeconds } from "./progress.ts";

/** What a conversion tells people. @param places The source and the target as they were given. */
export function renderConvert(
  result: ConvertResult,
  places: { readonly source: string; readonly target: string },
): string {
  const { step } = result;
  const { source, target } = places;
  if (step?.kind === "plan") {
    const again = `weighbridge convert ${source} ${target} --plan ${step.path}`;
    return renderPlanned(step, again);
  }
  if (step?.kind === "part" && result.tensors.length === 0)
    return `part ${step.part.index} of ${step.part.of}: nothing to do, there are fewer files than parts`;
  const lines =
    step?.kind === "part"
      ? [
          `part ${step.part.index} of ${step.part.of}: ${fileCount(result.files.length)}, ${written(result)}`,
          ...(step.kept.length > 0 ? [`were there already: ${step.kept.join(", ")}`] : []),
        ]
      : [`${written(result)}: ${target}`];
  lines.push(
    result.verified ? "read back from disk: every digest is right" : "not read back (--no-verify)",
  );
  if (step?.kind !== "part") lines.push(...renderDropped(result.dropped));
  lines.push(...renderCast(result.cast));
  if (step?.kind !== "part")
    lines.push(
      ...result.tied.map(
        (names) => `tied in the source, written in full: ${names.map(shownName).join(", ")}`,
      ),
    );
  return lines.join("\n");
}

function renderPlanned(step: Extract<PartsStep, { kind: "plan" }>, again: string): string {
  const bytes = step.files.reduce((sum, file) => sum + file.bytes, 0);
  const count = step.files.length;
  const lines = [
    `${step.path}: ${fileCount(count)}, ${renderBytes(bytes)} in all${step.written ? "" : " (as it was)"}`,
  ];
  if (count === 1)
    lines.push("one file is one part: several need a smaller --max-shard-size in the plan");
  lines.push(
    "now run every part, anywhere and in any order, and then finish:",
    `  ${again} --part 1/${count}`,
    `  ${again} --finish`,
  );
  return lines.join("\n");
}

function fileCount(count: number): string {
  return plural(count, "file");
}

function written({ tensors, bytesWritten, seconds }: ConvertResult): string {
  const actions = new Map<string, number>();
  for (const { action } of tensors) actions.set(action, (actions.get(action) ?? 0) + 1);
  const counted = [...actions].map(([action, count]) => `${count} ${action}`).join(", ");
  return `${plural(tensors.length, "tensor")} (${counted}), ${renderBytes(bytesWritten)} in ${renderSeconds(seconds)}`;
}

function renderCast(cast: ConvertResult["cast"]): readonly string[] {
  const lines = [];
  if (cast.overflow > 0) lines.push(`overflow: ${cast.overflow} finite values became infinite`);
  if (cast.underflow > 0) lines.push(`cast: ${cast.underflow} values became 0`);
  return lines;
}

/** Reasons for dropping that are shown one by one, and names for each. */
const SHOWN_REASONS = 8;
const SHOWN_NAMES = 3;

function renderDropped(dropped: ConvertResult["dropped"]): readonly string[] {
  const namesOf = new Map<string, string[]>();
  for (const { name, why } of dropped) {
    const names = namesOf.get(why);
    if (names === undefined) namesOf.set(why, [name]);
    else names.push(name);
  }
  const lines = [...namesOf].map(([why, names]) => {
    const rows = collapseLayers(names.map((name) => ({ name, facts: "" })));
    const shown = rows
      .slice(0, SHOWN_NAMES)
      .map(({ name, count }) => (count === 1 ? shownName(name) : `${shownName(name)} ×${count}`));
    const more = rows.length - shown.length;
    return `dropped: ${shown.join(", ")}${more > 0 ? ` and ${more} more` : ""} (${why})`;
  });
  const more = lines.length - SHOWN_REASONS;
  if (more <= 0) return lines;
  return [...lines.slice(0, SHOWN_REASONS), `dropped: for ${more} more reasons; --json lists all`];
}
