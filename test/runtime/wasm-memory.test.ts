import fc from "fast-check";
import { expect, test } from "vitest";
import {
  PAGE_BYTES,
  WasmMemory,
  type GrowingMemory,
} from "../../src/runtime/backends/wasm/memory.ts";
import { caught } from "../support/caught.ts";

/** A memory that ends at `most` pages. */
function memoryOf(most: number): GrowingMemory & { readonly pages: () => number } {
  let buffer = new ArrayBuffer(PAGE_BYTES);
  return {
    get buffer() {
      return buffer;
    },
    pages: () => buffer.byteLength / PAGE_BYTES,
    grow(pages) {
      const before = buffer.byteLength / PAGE_BYTES;
      if (before + pages > most) throw new RangeError("no more");
      buffer = new ArrayBuffer((before + pages) * PAGE_BYTES);
      return before;
    },
  };
}

test("pieces never overlap, begin at cache lines, and leave one gap when all are freed", () => {
  const step = fc.record({ bytes: fc.nat(3 * PAGE_BYTES), free: fc.nat(100) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const source = memoryOf(4096);
      const memory = new WasmMemory(source, PAGE_BYTES);
      const held: { begin: number; end: number }[] = [];
      for (const { bytes, free } of steps) {
        const begin = memory.allocate(bytes, "a test");
        const end = begin + Math.max(1, bytes);
        expect(begin % 64).toBe(0);
        expect(begin).toBeGreaterThanOrEqual(PAGE_BYTES);
        expect(end).toBeLessThanOrEqual(source.buffer.byteLength);
        for (const other of held) expect(end <= other.begin || begin >= other.end).toBe(true);
        held.push({ begin, end });
        const [gone] = free < 50 ? held.splice(free % held.length, 1) : [];
        if (gone !== undefined) memory.free(gone.begin);
      }
      for (const { begin } of held) memory.free(begin);
      const pages = source.pages();
      // All of it is one piece again: no growth is needed for it.
      if (pages > 1) memory.allocate((pages - 1) * PAGE_BYTES, "a test");
      expect(source.pages()).toBe(pages);
    }),
  );
});

test("what was freed is given out again before the memory grows", () => {
  const source = memoryOf(1024);
  const memory = new WasmMemory(source, PAGE_BYTES);
  const first = memory.allocate(PAGE_BYTES, "a test");
  memory.allocate(64, "a test");
  const pages = source.pages();
  memory.free(first);
  expect(memory.allocate(PAGE_BYTES - 10, "a test")).toBe(first);
  expect(source.pages()).toBe(pages);
});

test("it grows no further than is there, and says what did not fit", async () => {
  const source = memoryOf(300);
  const memory = new WasmMemory(source, PAGE_BYTES);
  memory.allocate(100 * PAGE_BYTES, "a weight");
  const error = await caught(() => memory.allocate(200 * PAGE_BYTES, "a weight"));
  expect(error.code).toBe("WB6003");
  expect(error.message).toMatchInlineSnapshot(
    `"the WebAssembly memory of 4 GiB has no room for a weight of 13107200 bytes"`,
  );
  // The rest is still there.
  memory.allocate(100 * PAGE_BYTES, "an array");
});

test("freeing what is free is a fault of the caller", async () => {
  const memory = new WasmMemory(memoryOf(300), PAGE_BYTES);
  const address = memory.allocate(8, "a test");
  memory.free(address);
  const error = await caught(() => {
    memory.free(address);
  });
  expect(error.code).toBe("WB7001");
});
