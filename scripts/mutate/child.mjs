// Runs the tests of one mutant after another, as scripts/mutate.mjs sends them; a process of its own, since a mutant may
// never end.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createVitest } from "vitest/node";
import { applied } from "./mutants.mjs";

const ROOT = join(import.meta.dirname, "../..");
let active;

/** Gives the mutated text in the file's place. */
const mutator = {
  name: "mutant",
  enforce: "pre",
  load(id) {
    if (active === undefined || id !== active.path) return undefined;
    return applied(readFileSync(id, "utf8"), active.mutant);
  },
};

const vitest = await createVitest(
  "test",
  {
    root: ROOT,
    config: false,
    watch: false,
    pool: "threads",
    maxWorkers: 1,
    isolate: false,
    bail: 1,
    setupFiles: [join(import.meta.dirname, "setup.mjs")],
    silent: true,
    reporters: [{}],
    include: process.argv.slice(2),
    testTimeout: 60_000,
  },
  { plugins: [mutator], logLevel: "silent" },
);
await vitest.standalone();
const specifications = await vitest.globTestSpecifications();

/** Runs the tests with this mutant in its file; without one, as they are. */
async function answer({ file, mutant }) {
  const path = join(ROOT, file);
  // The file of the last mutant is read anew, too, or its mutant would stay in place and fail all that follow.
  for (const changed of new Set([active?.path ?? path, path])) {
    vitest.invalidateFile(changed);
    for (const project of vitest.projects) project.vite.moduleGraph.onFileChange(changed);
  }
  active = mutant === undefined ? undefined : { path, mutant };
  const { testModules, unhandledErrors } = await vitest.runTestSpecifications(specifications, true);
  const failed =
    unhandledErrors.length > 0 || testModules.length === 0 || testModules.some((one) => !one.ok());
  const names = testModules.flatMap((one) =>
    [...one.children.allTests("failed")].map(
      (t) => `${t.fullName}: ${t.result().errors?.[0]?.message ?? ""}`,
    ),
  );
  const errors = testModules.flatMap((one) => one.errors()).concat(unhandledErrors);
  process.send({
    failed,
    by: names[0] ?? errors[0]?.message ?? "",
    passed: testModules.flatMap((one) => [...one.children.allTests("passed")]).length,
  });
}
process.on("message", (message) => {
  void answer(message);
});
process.on("disconnect", () => process.exit());
process.send({ ready: specifications.length });
