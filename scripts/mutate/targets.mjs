// What is mutated, and the tests that must notice.
import { readdirSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "../..");

/** Files of a folder whose path fits, from the root of the project. */
function filesOf(folder, fits) {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .map((name) => join(folder, name).replaceAll("\\", "/"))
    .filter((path) => fits.test(path))
    .toSorted();
}

const TESTS = "test/verify/compare";

/** The numbers of `verify`: each file with the tests of its own, which alone must notice every change. */
const compare = [
  { file: "src/verify/compare/metrics.ts", tests: [`${TESTS}/metrics.test.ts`] },
  { file: "src/verify/compare/compare-values.ts", tests: [`${TESTS}/compare-values.test.ts`] },
  { file: "src/verify/compare/compare-floats.ts", tests: [`${TESTS}/compare-values.test.ts`] },
  {
    file: "src/verify/compare/tolerance.ts",
    tests: [`${TESTS}/tolerance.test.ts`, `${TESTS}/gate.test.ts`],
  },
  { file: "src/verify/compare/noise.ts", tests: [`${TESTS}/noise.test.ts`] },
];

/** What reads files of strangers, with all its tests but the sweeps. */
const readers = filesOf("src/formats", /\.ts$/).map((file) => ({
  file,
  tests: filesOf("test/formats", /\.test\.ts$/).filter(
    (path) => !/stress|remote|fuzz|damage|file-kinds/.test(path),
  ),
}));

/** What judges files of strangers, with its own tests. */
const scan = filesOf("src/scan", /\.ts$/).map((file) => ({
  file,
  tests: [...filesOf("test/scan", /\.test\.ts$/), "test/api/scan-folder.test.ts"],
}));

export const TARGETS = { compare, readers, scan };
