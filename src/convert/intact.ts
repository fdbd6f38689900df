import { WbError } from "../errors/wb-error.ts";
import type { FilePlan } from "./file-plan.ts";
import { Verification, type VerificationOptions } from "./verification.ts";
import type { TensorOutcome } from "./write-file.ts";

/** Whether a file, read back, holds exactly the tensors that are expected. @throws WbError WB3001, WB6002. */
export async function isIntact(
  file: FilePlan,
  path: string,
  expected: ReadonlyMap<string, TensorOutcome>,
  options: VerificationOptions,
): Promise<boolean> {
  const verification = new Verification(file, options);
  try {
    await verification.finish(path, expected);
    return true;
  } catch (error) {
    if (error instanceof WbError && error.code === "WB1901") return false;
    throw error;
  } finally {
    await verification.close();
  }
}
