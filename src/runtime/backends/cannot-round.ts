import { WbError } from "../../errors/wb-error.ts";

/** The refusal of activations in int8. @param why "it computes in bf16". */
export function cannotRound(why: string): WbError {
  return new WbError("WB6204", `--activations int8: ${why}`, { details: { why } });
}
