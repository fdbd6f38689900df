import { WbError } from "../../errors/wb-error.ts";
import { weakenedBy } from "../../options/weakening.ts";
import type { Arguments } from "../command.ts";

/** Options that say nothing without one of others: a gate that is held against nothing would pass everything. */
const NEEDED: readonly (readonly [option: string, others: readonly string[], what: string])[] = [
  ["max-changed", ["other", "golden"], "goes with another model or --golden"],
  ["max-lost", ["other", "golden"], "goes with another model or --golden"],
  ["error-rate", ["stop-when-decided"], "goes with --stop-when-decided"],
];

/** @throws WbError WB2001 for an option without what it goes with, or beside what it does not go with. */
export function checkTogether(args: Arguments): void {
  for (const [option, others, what] of NEEDED)
    if (isGiven(args, option) && !others.some((other) => isGiven(args, other)))
      throw refuse(option, what);
  if (isGiven(args, "max-changed") && isGiven(args, "max-lost"))
    throw refuse("max-changed", "does not go with --max-lost, which replaces it");
}

/** What is given and changes nothing, a sentence each; such options may come from a settings file. */
export function unusedOptions(args: Arguments): readonly string[] {
  const isDrawn = ["limit", "stop-when-decided", "plan"].some((name) => isGiven(args, name));
  const isChat = args["variant"] === "chat" || isGiven(args, "plan");
  return [
    ...(isGiven(args, "seed") && !isDrawn
      ? ["--seed changes nothing: all rows are asked, since there is no --limit"]
      : []),
    ...(isGiven(args, "turns") && !isChat
      ? ["--turns changes nothing: base models see no marks around turns; --variant chat does"]
      : []),
  ];
}

/** What reports say of checks that options give up, a line each. */
export function weakenedLines(args: Arguments): readonly string[] {
  return weakenedBy("eval", args).map(({ option, effect }) => `weakened: ${option}: ${effect}`);
}

function isGiven(args: Arguments, option: string): boolean {
  const value = args[option];
  return Array.isArray(value) ? value.length > 0 : value !== undefined && value !== false;
}

function refuse(option: string, what: string): WbError {
  return new WbError("WB2001", `--${option}: ${what}`, { details: { option: `--${option}` } });
}
