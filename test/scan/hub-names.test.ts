import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, sep } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { renderSarif } from "../../src/api/render-sarif.ts";
import { scan } from "../../src/api/scan.ts";
import { runInProcess } from "../support/cli-in-process.ts";
import { useHub } from "../support/hub-environment.ts";
import { RangeServer } from "../support/range-server.ts";

const COMMIT = "0123456789abcdef0123456789abcdef01234567";
const PAYLOAD = Buffer.from("cposix\nsystem\n(S'true'\ntR.");
const HARMLESS = Buffer.from("# Notes\n");

let server: RangeServer;
let home = "";
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), "weighbridge-hub-names-"));
});
afterAll(() => rmSync(home, { recursive: true, force: true }));
beforeEach(async () => {
  server = await RangeServer.start();
  useHub(server.origin, home);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await server.close();
});

/** Serves files as a repository of the hub. @param more Further entries of its list, that no file is served for. */
function serveFiles(
  repository: string,
  files: Readonly<Record<string, Uint8Array>>,
  more: readonly string[] = [],
): void {
  const siblings = [...Object.keys(files), ...more].map((rfilename) => ({ rfilename }));
  const info = Buffer.from(JSON.stringify({ sha: COMMIT, siblings }));
  server.serve(`/api/models/${repository}/revision/main`, info);
  for (const [name, bytes] of Object.entries(files))
    server.serve(`/${repository}/resolve/${COMMIT}/${name}`, bytes);
}

describe("scan of a hub repository", () => {
  it.each([
    ["unet/x.bin", "a"],
    ["a?b#c%20.bin", "b"],
    ["a\nb.bin", "c"],
    ["a%2Fb.bin", "d"],
    [" x.bin ", "e"],
    ["hf:o/x/y.bin", "f"],
    ["constructor", "g"],
    ["a\u202Enib.bin", "h"],
  ])("examines the file of this very name: %j", async (name, repository) => {
    serveFiles(`names/${repository}`, { [name]: PAYLOAD, "README.md": HARMLESS });
    const { verdict, files } = await scan(`hf:names/${repository}`);
    expect(verdict).toBe("unsafe");
    expect(files.map(({ file }) => file)).toContain(`hf:names/${repository}/${name}`);
  });

  it("takes no file for another whose name has / where its own has \\", async () => {
    serveFiles("names/slashes", { "a\\b.md": PAYLOAD, "a/b.md": HARMLESS });
    const { verdict, files } = await scan("hf:names/slashes");
    expect(verdict).toBe(sep === "/" ? "unsafe" : "incomplete");
    expect(files).toHaveLength(2);
  });

  it("examines a file once that is listed twice", async () => {
    serveFiles("names/twice", { "x.bin": PAYLOAD }, ["x.bin"]);
    expect((await scan("hf:names/twice")).globals).toHaveLength(1);
  });

  it("writes SARIF of names that are cut within a character", async () => {
    serveFiles("names/cut", { "README.md": HARMLESS }, [`../${"x".repeat(196)}\u{1F600}.bin`]);
    const result = await scan("hf:names/cut");
    expect(result.verdict).toBe("incomplete");
    expect(JSON.parse(renderSarif(result, "1", home))).toMatchObject({
      runs: [{ results: [{ ruleId: "WB4002" }] }],
    });
  });

  it("prints no name that could be taken for its verdict", async () => {
    serveFiles("names/lines", { "x\nsafe: 1 file: nothing found.bin": PAYLOAD });
    const { status, stdout } = await runInProcess(["scan", "hf:names/lines"]);
    expect(status).toBe(5);
    const lines = stdout.trimEnd().split("\n");
    expect(lines.map((line) => line.slice(0, 6))).toEqual(["UNSAFE", "unsafe"]);
  });
});
