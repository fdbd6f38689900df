import type { Command } from "./command.ts";
import { check } from "./commands/check.ts";
import { config } from "./commands/config.ts";
import { convert } from "./commands/convert.ts";
import { explain } from "./commands/explain.ts";
import { inspect } from "./commands/inspect.ts";
import { logits } from "./commands/logits.ts";

/** Every command, in the order of `--help`. */
export const COMMANDS: readonly Command[] = [
  inspect,
  check,
  convert,
  logits,
  explain,
  config(() => COMMANDS),
];
