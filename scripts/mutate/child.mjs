// Runs the tests of one mutant after another, as scripts/mutate.mjs sends them; a process of its own, since a mutant may
// never end.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { BaseSequencer, createVitest } from "vitest/node";
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

/** Keeps the order that the tests are given in. */
class AsGiven extends BaseSequencer {
  async sort(specifications) {
    return specifications;
  }
}

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
    sequence: { sequencer: AsGiven },
    testTimeout: 60_000,
  },
  { plugins: [mutator], logLevel: "silent" },
);
await vitest.standalone();
const specifications = await vitest.globTestSpecifications();
/** Milliseconds that each file of tests took without a mutant, and the files that it imports, also by way of others. */
const facts = new Map();

function importsOf({ moduleId, project }) {
  const found = new Set();
  const waiting = [project.vite.moduleGraph.getModuleById(moduleId)];
  for (let module = waiting.pop(); module !== undefined; module = waiting.pop()) {
    if (found.has(module.file)) continue;
    found.add(module.file);
    waiting.push(...module.importedModules);
  }
  return found;
}

/** The tests that import a file, the quickest first: no other one can notice a mutant in it. */
function testsOf(path) {
  if (facts.size === 0) return specifications;
  const milliseconds = ({ moduleId }) => facts.get(moduleId).milliseconds;
  return specifications
    .filter(({ moduleId }) => facts.get(moduleId).imports.has(path))
    .toSorted((a, b) => milliseconds(a) - milliseconds(b));
}

/** Runs the tests with this mutant in its file; without one, as they are. */
async function answer({ file, mutant }) {
  const path = join(ROOT, file);
  // The file of the last mutant is read anew, too, or its mutant would stay in place and fail all that follow.
  for (const changed of new Set([active?.path ?? path, path])) {
    vitest.invalidateFile(changed);
    for (const project of vitest.projects) project.vite.moduleGraph.onFileChange(changed);
  }
  active = mutant === undefined ? undefined : { path, mutant };
  const chosen = active === undefined ? specifications : testsOf(path);
  const { testModules, unhandledErrors } = await vitest.runTestSpecifications(chosen, true);
  if (active === undefined)
    for (const specification of specifications) {
      const ran = testModules.find(({ moduleId }) => moduleId === specification.moduleId);
      facts.set(specification.moduleId, {
        milliseconds: ran?.diagnostic().duration ?? 0,
        imports: importsOf(specification),
      });
    }
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
