import { WbError } from "../../errors/wb-error.ts";

/** A setting that is read, but not implemented. */
export function unsupported(path: string, field: string, value: unknown): WbError {
  return new WbError("WB4702", `${path}: ${field} ${JSON.stringify(value)} is not supported`, {
    details: { path, field },
  });
}
