import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { convert } from "../src/api/convert.ts";
import { FIXTURES } from "./support/fixture-manifest.ts";
import { folderDigests } from "./support/folder-digests.ts";
import { isRecord } from "./support/is-record.ts";

const ROOT = join(import.meta.dirname, "..");
const RECIPES = join(ROOT, "docs/recipes");
const SOURCE = join(FIXTURES, "internlm-tiny");

let folder = "";
let whole: Readonly<Record<string, string>> = {};
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "weighbridge-recipes-"));
  await convert(SOURCE, join(folder, "whole"), { maxShardSize: 40_000 });
  whole = folderDigests(join(folder, "whole"));
  mkdirSync(join(folder, "bin"));
  const program = `exec "${process.execPath}" "${join(ROOT, "bin/weighbridge.js")}" "$@"`;
  // A part that FAILING names fails, as on a node that broke.
  script(
    "weighbridge",
    `case "$*" in *"--part $(cat "$STATE/failing" 2>/dev/null || echo none)"*) exit 6 ;; esac\n${program}`,
  );
  // No recipe may fetch a package by its name.
  script("npx", "exit 9");
  // Runs a job at once, an array's tasks all at the same time. One behind others that failed is ended where it asks for that;
  // else Slurm would leave it waiting for ever. Jobs see none of the submitting shell's variables.
  script(
    "sbatch",
    `array= kill=no needs=
while [ "\${1#--}" != "$1" ]; do
  case "$1" in
    --array=*) array="\${1#--array=}" ;;
    --dependency=afterok:*) needs="\${1#--dependency=afterok:}" ;;
    --kill-on-invalid-dep=yes) kill=yes ;;
  esac
  shift
done
id=$$
state=good
if [ -n "$needs" ] && [ "$(cat "$STATE/$needs")" != good ]; then
  [ "$kill" = yes ] || exit 7
  echo ended > "$STATE/dependent"
  exit 0
fi
unset SOURCE TARGET PARTS SHARD PLAN MODEL DATA TASKS RESULTS
if [ -n "$array" ]; then
  pids=
  for task in $(seq "\${array%-*}" "\${array#*-}"); do
    SLURM_ARRAY_TASK_ID=$task bash "$@" >&2 & pids="$pids $!"
  done
  for pid in $pids; do wait "$pid" || state=bad; done
else
  bash "$@" >&2 || state=bad
fi
echo "$state" > "$STATE/$id"
echo "$id;cluster"`,
  );
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function script(name: string, body: string): void {
  const path = join(folder, "bin", name);
  writeFileSync(path, `#!/bin/bash\n${body}\n`);
  chmodSync(path, 0o755);
}

function run(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): string {
  const path = `${join(folder, "bin")}:${process.env["PATH"] ?? ""}`;
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd: folder,
    encoding: "utf8",
    env: { ...process.env, PATH: path, STATE: folder, ...env },
  });
  if (status !== 0) throw new Error(`${command} ended with ${status}:\n${stdout}${stderr}`);
  return stdout;
}

/** The fields of Kubernetes' batch/v1 Job that recipes may use (Kubernetes API reference, v1.33). */
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  "": ["apiVersion", "kind", "metadata", "spec"],
  metadata: ["name", "namespace", "labels", "annotations"],
  spec: [
    "backoffLimit",
    "backoffLimitPerIndex",
    "completionMode",
    "completions",
    "parallelism",
    "template",
    "ttlSecondsAfterFinished",
  ],
  "spec.template": ["metadata", "spec"],
  "spec.template.spec": ["containers", "restartPolicy", "volumes"],
};

const CONTAINER = ["args", "command", "env", "image", "name", "resources", "volumeMounts"];

interface Job {
  readonly spec: Readonly<Record<string, unknown>>;
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

function at(value: unknown, path: string): unknown {
  return path
    .split(".")
    .filter((key) => key !== "")
    .reduce((found, key) => (isRecord(found) ? found[key] : undefined), value);
}

function items(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** A Job of one container, all of whose fields Kubernetes knows. */
function readJob(name: string): Job {
  const job: unknown = parse(readFileSync(join(RECIPES, name), "utf8"));
  expect([at(job, "apiVersion"), at(job, "kind")]).toEqual(["batch/v1", "Job"]);
  for (const [path, known] of Object.entries(FIELDS)) {
    expect(known).toEqual(expect.arrayContaining(Object.keys(at(job, path) ?? {})));
  }
  const [container] = items(at(job, "spec.template.spec.containers"));
  const spec = at(job, "spec");
  if (!isRecord(container) || !isRecord(spec)) throw new Error(`${name}: no container`);
  expect(CONTAINER).toEqual(expect.arrayContaining(Object.keys(container)));
  return {
    spec,
    command: [...items(container["command"]), ...items(container["args"])].map(String),
    env: Object.fromEntries(
      items(container["env"]).map((variable) => [
        String(at(variable, "name")),
        String(at(variable, "value")),
      ]),
    ),
  };
}

describe("docs/recipes", () => {
  it("kubernetes-*.yaml: pods of all indexes, in any order, then the finish, give the whole conversion", () => {
    const parts = readJob("kubernetes-parts.yaml");
    expect(parts.spec["completionMode"]).toBe("Indexed");
    expect(String(parts.spec["completions"])).toBe(parts.env["PARTS"]);
    const finish = readJob("kubernetes-finish.yaml");
    const target = join(folder, "pods");
    const places = { SOURCE, TARGET: target, PLAN: `${target}.json`, SHARD: "40KB" };
    const [shell = "", ...args] = parts.command;
    const indexes = Array.from({ length: Number(parts.env["PARTS"]) }, (_unused, index) => index);
    for (const index of indexes.toReversed()) {
      const env = { ...parts.env, ...places, JOB_COMPLETION_INDEX: String(index) };
      run(shell, args, env);
      // A pod that was lost is started again.
      if (index === 2) run(shell, args, env);
    }
    for (const [name, value] of Object.entries(finish.env))
      expect([name, parts.env[name]]).toEqual([name, value]);
    const [finisher = "", ...rest] = finish.command;
    run(finisher, rest, { ...finish.env, ...places });
    run(finisher, rest, { ...finish.env, ...places });
    expect(folderDigests(target)).toEqual(whole);
  });

  it("slurm.sh: an array of tasks at once, and the job behind it, give the whole conversion", () => {
    const target = join(folder, "array");
    const env = { SOURCE, TARGET: target, PARTS: "3", SHARD: "40KB" };
    run(join(RECIPES, "slurm.sh"), [], env);
    expect(folderDigests(target)).toEqual(whole);
  });

  it("slurm.sh: options reach the plan, the parts and the finish", async () => {
    const target = join(folder, "options");
    await convert(SOURCE, target, { maxShardSize: 40_000 });
    const env = { SOURCE, TARGET: target, PARTS: "2", SHARD: "40KB" };
    run(join(RECIPES, "slurm.sh"), ["--dtype", "F32", "--force"], env);
    await convert(SOURCE, join(folder, "f32"), { maxShardSize: 40_000, dtype: "F32", force: true });
    expect(folderDigests(target)).toEqual(folderDigests(join(folder, "f32")));
  });

  it("slurm.sh: a part that fails ends the job that waits for it, and nothing is put in place", () => {
    const target = join(folder, "failed");
    writeFileSync(join(folder, "failing"), "2/3");
    try {
      run(join(RECIPES, "slurm.sh"), [], { SOURCE, TARGET: target, PARTS: "3", SHARD: "40KB" });
    } finally {
      rmSync(join(folder, "failing"));
    }
    expect(readFileSync(join(folder, "dependent"), "utf8")).toBe("ended\n");
    expect(readdirSync(target).filter((name) => !name.startsWith("."))).toEqual([]);
    run(join(RECIPES, "slurm.sh"), [], { SOURCE, TARGET: target, PARTS: "3", SHARD: "40KB" });
    expect(folderDigests(target)).toEqual(whole);
  });

  describe("of an evaluation", () => {
    const data = join(FIXTURES, "evaluation/data");
    const asked = ["eval", SOURCE, "--data", data, "--tasks", "race/high"];
    let details = "";
    beforeAll(() => {
      run("weighbridge", [...asked, "--details", join(folder, "eval-whole.jsonl")], {});
      details = readFileSync(join(folder, "eval-whole.jsonl"), "utf8");
    });

    it("slurm-eval.sh: an array of tasks at once, and the job behind it, give the whole evaluation", () => {
      const results = join(folder, "eval-array");
      const env = { MODEL: SOURCE, DATA: data, TASKS: "race/high", RESULTS: results, PARTS: "2" };
      run(join(RECIPES, "slurm-eval.sh"), ["--skip-bad"], env);
      expect(readFileSync(`${results}.jsonl`, "utf8")).toBe(details);
      expect(JSON.parse(readFileSync(`${results}.json`, "utf8"))).toMatchObject({ ok: true });
    });

    it("kubernetes-eval-*.yaml: pods of all indexes, then the finish, give the whole evaluation", () => {
      const parts = readJob("kubernetes-eval-parts.yaml");
      expect(String(parts.spec["completions"])).toBe(parts.env["PARTS"]);
      const finish = readJob("kubernetes-eval-finish.yaml");
      const results = join(folder, "eval-pods");
      const tasks = "race/high";
      const places = { MODEL: SOURCE, DATA: data, TASKS: tasks, PLAN: `${results}.plan` };
      const [shell = "", ...args] = parts.command;
      for (const index of ["1", "0"]) {
        const env = { ...parts.env, ...places, PARTS: "2", JOB_COMPLETION_INDEX: index };
        run(shell, args, env);
      }
      const [finisher = "", ...rest] = finish.command;
      run(finisher, rest, { ...finish.env, ...places, RESULTS: results });
      expect(readFileSync(`${results}.jsonl`, "utf8")).toBe(details);
    });
  });

  it("verify.sh and gitlab-ci.yml: a verdict by exit code, with reports of this run alone", () => {
    const reports = join(folder, "reports");
    mkdirSync(reports);
    for (const name of ["verify.xml", "verify.md"]) writeFileSync(join(reports, name), "yesterday");
    const sides = ["pytorch_model.bin", "model_state.pdparams"].map((name) => join(SOURCE, name));
    const ids = ["--input-ids", "1,7,42", "--device", "wasm"];
    const shell = join(RECIPES, "verify.sh");
    const env = { REPORTS: reports };
    expect(run(shell, [...sides, ...ids], env)).toContain("verdict: pass");
    expect(readFileSync(join(reports, "verify.md"), "utf8")).toContain("✅ pass");
    expect(() => run(shell, [...sides, ...ids, "--max-abs=-1"], env)).toThrow("verdict: fail");
    expect(() => run(shell, ["nothing", "nothing"], env)).toThrow("verdict: error (exit code 3)");
    // Of an error there is a JUnit report, and none of the run before.
    expect(readdirSync(reports)).toEqual(["verify.xml"]);
    expect(readFileSync(join(reports, "verify.xml"), "utf8")).toContain('errors="1"');

    const job: unknown = at(
      parse(readFileSync(join(RECIPES, "gitlab-ci.yml"), "utf8")),
      "verify-model",
    );
    const lines = items(at(job, "script")).map(String).join("\n");
    const golden = join(FIXTURES, "oracles/nano/golden.safetensors");
    const model = join(FIXTURES, "oracles/nano/pytorch_model.bin");
    const given = { MODEL: model, GOLDEN: golden, REPORTS: reports };
    expect(Object.keys(given).toSorted()).toEqual(
      Object.keys(at(job, "variables") ?? {}).toSorted(),
    );
    expect(run("sh", ["-euc", lines], given)).toContain("PASS");
    expect(at(job, "artifacts.reports.junit")).toBe("$REPORTS/verify.xml");
    expect(existsSync(join(reports, "verify.xml"))).toBe(true);
  });

  it("has a recipe for each file, and names it in its README", () => {
    const readme = readFileSync(join(RECIPES, "README.md"), "utf8");
    for (const name of readdirSync(RECIPES).filter((file) => file !== "README.md"))
      expect(readme).toContain(`docs/recipes/${name}`);
  });
});
