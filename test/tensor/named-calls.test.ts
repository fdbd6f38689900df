import { describe, expect, test } from "vitest";
import {
  DECODER_WASM,
  DECODER_WASM_PARAMETERS,
} from "../../src/runtime/backends/wasm/decoder-module.ts";
import { namedCalls } from "../../src/tensor/named-calls.ts";

describe("the functions of a WebAssembly module by the names of their parameters", () => {
  test("numbers reach the function in its own order, whatever the order they are given in", () => {
    const given: number[][] = [];
    const exports = { divide: (...numbers: readonly number[]) => void given.push([...numbers]) };
    const { divide } = namedCalls(exports, { divide: ["left", "right"] });
    expect(divide({ right: 2, left: 6 })).toBe(0);
    expect(given).toEqual([[6, 2]]);
  });

  test("a function that the module does not export is told by its name", () => {
    expect(() => namedCalls({}, { divide: ["left"] })).toThrow("does not export divide");
  });

  test("every function of the compiled module is there, with as many parameters", () => {
    const module = new WebAssembly.Module(Buffer.from(DECODER_WASM, "base64"));
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536, shared: true });
    const { exports } = new WebAssembly.Instance(module, { env: { memory } });
    const counts = Object.entries(exports).flatMap(([name, value]) =>
      typeof value === "function" ? [[name, value.length]] : [],
    );
    const named = Object.entries(DECODER_WASM_PARAMETERS).map(([name, { length }]) => [
      name,
      length,
    ]);
    expect(Object.fromEntries(counts)).toEqual(Object.fromEntries(named));
  });
});
