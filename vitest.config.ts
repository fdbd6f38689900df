import { readdirSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { defineConfig } from "vitest/config";

const INTEROP = "test/**/*.interop.test.ts";
const CUDA = "test/**/*.cuda.test.ts";
const STRESS = "test/**/*.stress.test.ts";
const LONG_RUNNING = "test/**/*.long.test.ts";

/** Tests that try a sample in the unit suite and everything in the stress suite: they import test/support/effort.ts. */
function sampledTests(): readonly string[] {
  return readdirSync("test", { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".test.ts") && !/\.(stress|long)\.test\.ts$/u.test(name))
    .map((name) => join("test", name))
    .filter((path) => readFileSync(path, "utf8").includes("support/effort.ts"));
}

const LONG = { testTimeout: 600_000, hookTimeout: 600_000 };

/**
 * Five suites: `unit` needs Node only and a minute; `long` holds what needs Node only and seconds a file: sessions of the command
 * line and the guides, whole models against goldens; `stress` tries all of what `unit` samples, and what takes long;
 * `interop` needs the pinned Python environment; `cuda` a GPU.
 */
export default defineConfig({
  test: {
    // One less than the cores would be a single one on a small machine.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    // Nothing is judged by the clock: a busy machine may take long.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Messages follow the environment's language.
    env: { LC_ALL: "C.UTF-8", WEIGHBRIDGE_LANG: "" },
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          // Loading the modules anew for each file takes as long as all tests together; none of them keeps state that another sees.
          isolate: false,
          setupFiles: ["test/support/leaked-handles.ts"],
          // The bench and the CI are plain JavaScript that runs without a build, and so are their tests.
          include: ["test/**/*.test.ts", "test/**/*.test.mjs"],
          exclude: [INTEROP, CUDA, STRESS, LONG_RUNNING],
        },
      },
      { extends: true, test: { ...LONG, name: "long", include: [LONG_RUNNING] } },
      {
        extends: true,
        test: {
          ...LONG,
          name: "stress",
          include: [STRESS, ...sampledTests()],
          env: { WEIGHBRIDGE_STRESS: "1" },
        },
      },
      {
        extends: true,
        // Two at a time also where there are more cores: each may load torch or paddle, which take gigabytes.
        test: { ...LONG, name: "interop", include: [INTEROP], maxWorkers: 2 },
      },
      {
        extends: true,
        test: { ...LONG, name: "cuda", include: [CUDA], fileParallelism: false },
      },
    ],
  },
});
