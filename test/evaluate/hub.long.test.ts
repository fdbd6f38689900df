import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { evaluate } from "../../src/evaluate/run.ts";
import { caught } from "../support/caught.ts";
import { DATA, longModel, scratchFolder } from "../support/evaluation.ts";
import { useHub } from "../support/hub-environment.ts";
import { RangeServer } from "../support/range-server.ts";

const COMMIT = "0123456789abcdef0123456789abcdef01234567";
const folder = scratchFolder();
const model = longModel(folder, "pytorch_model.bin", 512);
const tasks = ["mmlu/anatomy", "race/high"];
const options = { tasks, device: "wasm" } as const;

let server: RangeServer;
beforeEach(async () => {
  server = await RangeServer.start();
  useHub(server.origin, join(folder, "home"));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await server.close();
});

/** Serves the fixture's rows as a repository of the hub: of models, or of data sets. */
function serveRows(repository: string, kind: "models" | "datasets"): void {
  const names = readdirSync(DATA, { recursive: true, encoding: "utf8" }).filter((name) =>
    /\.\w+$/.test(name),
  );
  const place = kind === "datasets" ? `datasets/${repository}` : repository;
  for (const name of names)
    server.serve(`/${place}/resolve/${COMMIT}/${name}`, readFileSync(join(DATA, name)));
  const siblings = names.map((rfilename) => ({ rfilename }));
  const info = Buffer.from(JSON.stringify({ sha: COMMIT, siblings }));
  server.serve(`/api/${kind}/${repository}/revision/main`, info);
}

it.each([
  ["hf:rows/page", "models"],
  ["hf:datasets/rows/page@main", "datasets"],
] as const)("rows of %s are those of the folder", async (data, kind) => {
  serveRows("rows/page", kind);
  const found = await evaluate(model, { ...options, data });
  expect(found.items).toEqual((await evaluate(model, { ...options, data: DATA })).items);
  // What no task reads is not asked for.
  const asked = server.asked.map(({ path }) => path);
  expect(asked.some((path) => path.endsWith("anatomy_test.csv"))).toBe(true);
  expect(asked.some((path) => path.includes("ceval"))).toBe(false);
});

it("names a file that the repository has not", async () => {
  serveRows("rows/page", "datasets");
  const data = "hf:datasets/rows/page";
  const { code, message } = await caught(() =>
    evaluate(model, { ...options, data, tasks: ["mmlu/virology"] }),
  );
  expect(code).toBe("WB3921");
  expect(message).toContain("hf:datasets/rows/page/mmlu/test/virology_test.csv");
});

it("offline, rows are read from where the hub's own tools keep them, and no place is asked", async () => {
  vi.stubEnv("HF_HUB_OFFLINE", "1");
  const kept = join(folder, "home/hub/datasets--rows--page");
  mkdirSync(join(kept, "refs"), { recursive: true });
  writeFileSync(join(kept, "refs/main"), COMMIT);
  cpSync(DATA, join(kept, "snapshots", COMMIT), { recursive: true });
  const found = await evaluate(model, { ...options, data: "hf:datasets/rows/page" });
  expect(found.items.length).toBe(6);
  expect(server.asked).toEqual([]);
  expect((await caught(() => evaluate(model, { ...options, data: "hf:rows/page" }))).code).toBe(
    "WB6053",
  );
});
