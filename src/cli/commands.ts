import type { Command } from "./command.ts";
import { config } from "./commands/config.ts";
import { logits } from "./commands/logits.ts";

/** Every command, in the order of `--help`. */
export const COMMANDS: readonly Command[] = [logits, config(() => COMMANDS)];
