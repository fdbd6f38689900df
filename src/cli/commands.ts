import type { Command } from "./command.ts";
import { check } from "./commands/check.ts";
import { config } from "./commands/config.ts";
import { convert } from "./commands/convert.ts";
import { doctor } from "./commands/doctor.ts";
import { explain } from "./commands/explain.ts";
import { inspect } from "./commands/inspect.ts";
import { logits } from "./commands/logits.ts";
import { native } from "./commands/native.ts";
import { scan } from "./commands/scan.ts";

/** Every command, in the order of `--help`. */
export const COMMANDS: readonly Command[] = [
  inspect,
  check,
  scan,
  convert,
  logits,
  explain,
  doctor,
  native,
  config(() => COMMANDS),
];
