import { madeSource } from "../../sources/made-source.ts";
import { sourceRecords, type ByteSource } from "../../tensor/byte-source.ts";
import { DTYPES } from "../../tensor/dtype.ts";
import { adderOf } from "./adder.ts";
import { readElements } from "./elements.ts";
import { entryPlaces } from "./sparse-entries.ts";
import type { SparsePlaces } from "./sparse-places.ts";
import type { SparseParts } from "./sparse-tensor.ts";

/** Bytes of the dense tensor that are made at once; the entries are looked through for each such window. */
const WINDOW_BYTES = 2 ** 25;
/** Bytes of values that are read at once. */
const VALUE_BYTES = 2 ** 20;

/**
 * The little-endian bytes of a sparse tensor's dense form, row-major: zeros, and each entry added where it belongs, in stored order, as
 * `Tensor.to_dense` does.
 * @throws WbError WB4301 for a dtype that torch does not add; reading throws WB3302 for indices outside of the shape.
 */
export function denseSource(parts: SparseParts, places: SparsePlaces, where: string): ByteSource {
  const { values, indices, pointers } = parts;
  const width = DTYPES[values.dtype].bits / 8;
  const add = adderOf(values.dtype, where);
  const stored = [values, indices, ...(pointers === undefined ? [] : [pointers])];
  const facts = {
    label: values.source.label,
    byteLength: places.elements * width,
    records: stored.flatMap(({ source }) => sourceRecords(source)),
  };
  const blockElements = places.runs * places.runLength;
  const most = Math.max(1, Math.floor(VALUE_BYTES / Math.max(1, blockElements * width)));
  const windowElements = WINDOW_BYTES / width;

  const make = async (index: number): Promise<Uint8Array> => {
    const begin = index * windowElements;
    const end = Math.min(places.elements, begin + windowElements);
    const window = new Uint8Array((end - begin) * width);
    for await (const { first, starts } of entryPlaces(parts, places, { begin, end, most }, where)) {
      const read = await readElements(values, first * blockElements, starts.length * blockElements);
      for (const [entry, start] of starts.entries()) {
        for (let run = 0; run < places.runs; run++) {
          const at = start + run * places.runStep;
          const from = Math.max(begin, at);
          const count = Math.min(end, at + places.runLength) - from;
          const value = (entry * places.runs + run) * places.runLength + (from - at);
          if (count > 0) add(window, from - begin, read, value, count);
        }
      }
    }
    return window;
  };

  let kept: { readonly index: number; readonly bytes: Promise<Uint8Array> } | undefined;
  return madeSource(facts, async (begin, target) => {
    for (let done = 0; done < target.byteLength;) {
      const index = Math.floor((begin + done) / WINDOW_BYTES);
      if (kept?.index !== index) kept = { index, bytes: make(index) };
      const bytes = await kept.bytes;
      const from = begin + done - index * WINDOW_BYTES;
      const piece = bytes.subarray(from, from + target.byteLength - done);
      target.set(piece, done);
      done += piece.byteLength;
    }
  });
}
