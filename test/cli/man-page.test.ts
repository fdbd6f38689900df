import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { COMMANDS } from "../../src/cli/commands.ts";
import { describeCommand } from "../../src/cli/describe.ts";
import { manPages } from "../../src/cli/man-page.ts";
import { packageVersion } from "../../src/session/package-version.ts";

const FOLDER = join(import.meta.dirname, "../../man");
const PAGES = manPages(COMMANDS.map(describeCommand), packageVersion());
const BACKSPACE = String.fromCodePoint(8);
const hasGroff = spawnSync("groff", ["--version"]).status === 0;

describe("manual pages", () => {
  it("are in man/ as they are generated, and no others", () => {
    expect(readdirSync(FOLDER).toSorted()).toEqual(
      PAGES.map(({ fileName }) => fileName).toSorted(),
    );
    for (const { fileName, text } of PAGES) {
      expect(readFileSync(join(FOLDER, fileName), "utf8")).toBe(text);
    }
  });

  it.skipIf(!hasGroff)("are set without a warning (skipped where groff is not there)", () => {
    const paths = PAGES.map(({ fileName }) => join(FOLDER, fileName));
    const { stderr, stdout } = spawnSync("groff", ["-ww", "-man", "-Tutf8", ...paths], {
      encoding: "utf8",
    });
    expect(stderr).toBe("");
    // Bold is each character struck twice.
    expect(stdout.replaceAll(new RegExp(`.${BACKSPACE}`, "gu"), "")).toContain("来到美丽的大自然");
  });
});
