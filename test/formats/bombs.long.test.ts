import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { CORPUS, writeHostile } from "../support/hostile/corpus.ts";
import type { HostileFile } from "../support/hostile/hostile-file.ts";

const PROGRAM = join(import.meta.dirname, "../../bin/weighbridge.js");
/** Above an idle program; what earlier files left in one process would hide what one file costs. */
const MAX_KIB = 256 * 1024;

const folder = mkdtempSync(join(tmpdir(), "weighbridge-bombs-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A folder of its own for each, since two readers have files of one name. */
function put(file: HostileFile): string {
  const own = join(folder, `${file.reader}-${file.name}`);
  mkdirSync(own);
  return writeHostile(file, own);
}

interface End {
  readonly code: number;
  readonly stderr: string;
  readonly peakKiB: number;
}

/** Runs `inspect` on a path in a program of its own, which tells its peak at its end. */
function inspected(path: string): Promise<End> {
  const preload = `data:text/javascript,import { writeSync } from "node:fs";
    process.on("exit", () => writeSync(2, "peak " + process.resourceUsage().maxRSS + " KiB"));`;
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      ["--import", preload, PROGRAM, "inspect", path],
      { maxBuffer: 2 ** 24 },
      (_error, _stdout, stderr) => {
        const peakKiB = Number(/peak (\d+) KiB/.exec(stderr)?.[1]);
        resolve({ code: child.exitCode ?? -1, stderr, peakKiB });
      },
    );
  });
}

describe("a file that makes much of little, in a program of its own", async () => {
  const idle = await inspected(join(folder, "not-there"));

  it("is held against an idle program", () => {
    expect(idle.code).toBe(3);
    expect(idle.peakKiB).toBeGreaterThan(30_000);
  });

  const bombs = CORPUS.filter(
    ({ expected, kind }) => typeof expected === "string" && kind === "bomb",
  );
  it.each(bombs.map((file) => [`${file.reader}/${file.name}`, file] as const))(
    "%s is refused within 256 MiB above it",
    async (_name, file) => {
      const { code, stderr, peakKiB } = await inspected(put(file));
      expect(stderr).toContain(`error ${String(file.expected)}`);
      expect(code).toBe(Number(String(file.expected).charAt(2)));
      expect(peakKiB - idle.peakKiB).toBeLessThan(MAX_KIB);
    },
  );
});
