import { WbError } from "../../errors/wb-error.ts";
import type { Family } from "../family.ts";
import type { Naming } from "./naming.ts";
import { PADDLE_WRITERS, type PaddleWriter } from "./paddle-writers.ts";

/** Whose names a family's weights get when they are converted to Paddle and nobody says for whom. */
export function usualPaddleWriter(family: Family): PaddleWriter {
  return family.paddleWriter ?? "paddlenlp";
}

/** How a program of Paddle's names a family. @throws WbError WB4704 where it has no layout for it. */
export function paddleNaming(
  family: Family,
  writer: PaddleWriter = usualPaddleWriter(family),
): Naming {
  const naming = family.names[writer];
  if (naming !== undefined) return naming;
  const known = PADDLE_WRITERS.filter((name) => family.names[name] !== undefined);
  throw new WbError(
    "WB4704",
    `--for ${writer}: it has no layout of ${family.architectures[0]} that is known; there are those of ${known.join(", ")}`,
    { details: { writer, known } },
  );
}
