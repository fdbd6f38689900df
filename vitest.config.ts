import { defineConfig } from "vitest/config";

/** Three suites: `unit` needs Node only; `interop` the pinned Python environment; `cuda` a GPU. */
export default defineConfig({
  test: {
    testTimeout: 60_000,
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          // The bench is plain JavaScript that runs without a build, and so are its tests.
          include: ["test/**/*.test.ts", "test/bench/*.test.mjs"],
          exclude: ["test/**/*.interop.test.ts", "test/**/*.cuda.test.ts"],
        },
      },
      {
        extends: true,
        test: {
          name: "interop",
          include: ["test/**/*.interop.test.ts"],
          testTimeout: 600_000,
          hookTimeout: 600_000,
          fileParallelism: false,
        },
      },
      {
        extends: true,
        test: {
          name: "cuda",
          include: ["test/**/*.cuda.test.ts"],
          testTimeout: 600_000,
          hookTimeout: 600_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
