import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { check } from "../../src/api/check.ts";
import { convert } from "../../src/api/convert.ts";
import { generate } from "../../src/api/generate.ts";
import { inspect } from "../../src/api/inspect.ts";
import { logits } from "../../src/api/logits.ts";
import { match } from "../../src/api/match.ts";
import { scan } from "../../src/api/scan.ts";
import { WbError } from "../../src/errors/wb-error.ts";
import { diff } from "../../src/verify/diff.ts";
import { verify } from "../../src/verify/run.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";
import { CORPUS, writeHostile } from "../support/hostile/corpus.ts";
import { fileNameOf } from "../support/hostile/hostile-file.ts";

const MAX_MS = 5000;
const MAX_BYTES = 256 * 2 ** 20;

const folder = mkdtempSync(join(tmpdir(), "weighbridge-handles-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const TINY = join(FIXTURES, "internlm-tiny");
const RUN = { device: "wasm" } as const;
const PROMPTS = [{ kind: "ids", ids: [1, 2] }] as const;

/** Every command that opens what strangers give, as it is called for a place. */
const COMMANDS: Readonly<Record<string, (place: string) => Promise<unknown>>> = {
  inspect: (place) => inspect(place),
  check: (place) => check(place),
  scan: (place) => scan(place),
  convert: (place) => convert(place, join(folder, "target")),
  diff: (place) => diff(place, TINY),
  match: (place) => match(place, TINY),
  logits: (place) => logits(place, { prompts: PROMPTS, ...RUN }),
  generate: (place) => generate(place, { prompts: PROMPTS, maxNewTokens: 1, ...RUN }),
  verify: (place) => verify(place, { other: TINY, ...RUN }),
};

function openFiles(): number {
  return readdirSync("/proc/self/fd").length;
}

/** Places that no command can do all of its work on. */
function places(): readonly string[] {
  // Bombs take their seconds at a limit, and are held to it where they are opened: test/formats/hostile.test.ts.
  const files = CORPUS.filter(({ kind }) => kind !== "bomb").map((file, index) => {
    const own = join(folder, `${index}`);
    mkdirSync(own);
    return existsSync(join(own, fileNameOf(file))) ? own : writeHostile(file, own);
  });
  const circle = join(folder, "circle");
  symlinkSync(circle, circle);
  const empty = join(folder, "empty");
  mkdirSync(empty);
  // The longest name that a folder may have, with shards in it.
  const long = join(folder, "l".repeat(255));
  symlinkSync(join(FIXTURES, "safetensors-sharded"), long);
  return [...files, circle, empty, long, join(folder, "none"), join(folder, "n".repeat(256))];
}

describe.runIf(process.platform === "linux")("a command that fails", () => {
  const all = places();
  it.each(Object.entries(COMMANDS))(
    "leaves no file open, and takes at most 5 seconds and 256 MiB: %s",
    async (name, run) => {
      // What the first call loads stays: the runtime's module, workers.
      await run(TINY).catch(() => undefined);
      rmSync(join(folder, "target"), { recursive: true, force: true });
      for (const place of all) {
        const files = openFiles();
        const memory = process.memoryUsage().rss;
        const begin = process.cpuUsage();
        try {
          await run(place);
          rmSync(join(folder, "target"), { recursive: true, force: true });
        } catch (error) {
          if (!(error instanceof WbError)) throw new Error(`${name} ${place}`, { cause: error });
        }
        const { user, system } = process.cpuUsage(begin);
        const isLevel = process.memoryUsage().rss - memory < MAX_BYTES;
        const isQuick = (user + system) / 1000 < MAX_MS;
        // What an earlier call left to the collector may be closed meanwhile.
        const isClosed = openFiles() <= files;
        expect([place, isClosed, isQuick, isLevel]).toEqual([place, true, true, true]);
      }
    },
    600_000,
  );
});
