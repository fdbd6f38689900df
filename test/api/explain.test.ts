import { describe, expect, it } from "vitest";
import { explain, explainAll } from "../../src/api/explain.ts";
import { caught } from "../support/caught.ts";

describe("explain", () => {
  it("knows a code in every spelling", () => {
    for (const spelling of ["WB3702", "wb3702", "3702"]) {
      expect(explain(spelling)).toMatchObject({ code: "WB3702" });
    }
  });

  it("refuses what is no code", async () => {
    for (const code of ["WB0000", "toString", ""]) {
      expect((await caught(() => explain(code))).code).toBe("WB2001");
    }
  });

  it("says of every code what it means and what to do, in sentences", () => {
    const all = explainAll();
    expect(all.length).toBeGreaterThan(50);
    for (const { code, title, meaning, remedy } of all) {
      expect(code).toMatch(/^WB[1-79]\d{3}$/);
      expect(title).not.toMatch(/\.$/);
      expect(meaning).toMatch(/[.)]$/);
      expect(remedy).toMatch(/[.)]$/);
    }
    expect(all.map(({ code }) => code)).toEqual(all.map(({ code }) => code).toSorted());
  });
});
