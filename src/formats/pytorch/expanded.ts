import { WbError } from "../../errors/wb-error.ts";

/**
 * Bytes up to which a tensor may repeat its storage through strides of 0, or be filled up with zeros; masks and caches are expanded so, to a few
 * gigabytes. A few bytes that stand for a terabyte would be read and written for hours.
 */
const MAX_EXPANDED_BYTES = 64 * 2 ** 30;

/**
 * @param expanded Bytes of the tensor when it is read; undefined for more than 2^53.
 * @param stored Bytes that the file has of it.
 * @throws WbError WB5204 for a tensor that is made of next to nothing.
 */
export function refuseHuge(expanded: number | undefined, stored: number, where: string): void {
  if (expanded !== undefined && expanded <= Math.max(stored, MAX_EXPANDED_BYTES)) return;
  throw new WbError(
    "WB5204",
    `${where} expands ${stored} stored bytes to ${expanded ?? "more than 2^53"}`,
    { details: { where } },
  );
}
