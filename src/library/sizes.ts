import { sizeOf } from "../options/values.ts";

/** Options whose sizes may be written as on the command line: "4GiB". */
export type WithSizes<Options> = Omit<Options, "maxMemory"> & {
  /** Bytes of memory to use at most, or a size such as "4GiB"; nine tenths of what is available when left out. */
  readonly maxMemory?: number | string | undefined;
};

/** The same options with sizes in bytes. @throws WbError WB2001. */
export function withBytes<Options extends { readonly maxMemory?: number | string | undefined }>(
  options: Options,
): Omit<Options, "maxMemory"> & { readonly maxMemory?: number | undefined } {
  const { maxMemory, ...rest } = options;
  return maxMemory === undefined ? rest : { ...rest, maxMemory: sizeOf("maxMemory", maxMemory) };
}
