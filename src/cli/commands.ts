import type { Command } from "./command.ts";
import { attest } from "./commands/attest.ts";
import { chat } from "./commands/chat.ts";
import { check } from "./commands/check.ts";
import { completion } from "./commands/completion.ts";
import { config } from "./commands/config.ts";
import { convert } from "./commands/convert.ts";
import { demo } from "./commands/demo.ts";
import { diff } from "./commands/diff.ts";
import { doctor } from "./commands/doctor.ts";
import { evaluation } from "./commands/eval.ts";
import { extract } from "./commands/extract.ts";
import { explain } from "./commands/explain.ts";
import { generate } from "./commands/generate.ts";
import { golden } from "./commands/golden.ts";
import { inspect } from "./commands/inspect.ts";
import { logits } from "./commands/logits.ts";
import { match } from "./commands/match.ts";
import { native } from "./commands/native.ts";
import { prove } from "./commands/prove.ts";
import { scan } from "./commands/scan.ts";
import { serve } from "./commands/serve.ts";
import { verify } from "./commands/verify.ts";

/** Every command, in the order of `--help`. */
export const COMMANDS: readonly Command[] = [
  inspect,
  check,
  scan,
  convert,
  diff,
  match,
  extract,
  verify,
  prove,
  attest,
  golden,
  evaluation,
  generate,
  chat,
  serve,
  logits,
  explain,
  doctor,
  demo,
  native,
  config(() => COMMANDS),
  completion(() => COMMANDS),
];
