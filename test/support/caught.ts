import { WbError } from "../../src/errors/wb-error.ts";

/** The WbError that `work` throws or rejects with; fails on success and on any other error. */
export async function caught(work: () => unknown): Promise<WbError> {
  try {
    await work();
  } catch (error) {
    if (error instanceof WbError) return error;
    throw error;
  }
  throw new Error("expected a WbError, but nothing was thrown");
}

/** One fact of an error's details, whatever its code. */
export function factOf(error: WbError, name: string): unknown {
  return new Map<string, unknown>(Object.entries(error.details)).get(name);
}
