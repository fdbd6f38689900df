import { describe, expect, it } from "vitest";
import { collapseLayers } from "../../src/cli/collapse-layers.ts";

describe("collapseLayers", () => {
  it("joins names that differ in the layer number alone and have the same facts", () => {
    const names = [
      "e",
      "m.layers.0.q",
      "m.layers.0.k",
      "m.layers.1.q",
      "m.layers.2.q",
      "m.layers.4.q",
    ];
    const entries = [
      ...names.map((name) => ({ name, facts: "F16 [2]" })),
      { name: "m.layers.3.q", facts: "F32 [2]" },
    ];
    expect(collapseLayers(entries)).toEqual([
      { name: "e", facts: "F16 [2]", count: 1 },
      { name: "m.layers.{0..2,4}.q", facts: "F16 [2]", count: 4 },
      { name: "m.layers.0.k", facts: "F16 [2]", count: 1 },
      { name: "m.layers.3.q", facts: "F32 [2]", count: 1 },
    ]);
  });
});
