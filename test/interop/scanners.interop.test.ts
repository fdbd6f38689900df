import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { scan } from "../../src/api/scan.ts";
import { isRecord } from "../support/is-record.ts";
import { ownEnvironment, run } from "../support/own-environment.ts";
import { runPython } from "../support/python.ts";

/** The source package whose tests bring files; the others' tests make theirs in Python. */
const SOURCES = `modelaudit==0.2.54 --hash=sha256:87ffdef31b0a0f9f0bf65c1fbc920c3217300a8924a87d9b95715dd7ed70a5dc\n`;

/** Attacks that are given to the other scanners: each takes its seconds. */
const EVERY = 3;

/** What another scanner finds that is no danger, and why. */
const DIFFERENT: Readonly<Record<string, string>> = {
  "malicious_import.safetensors": "words in the metadata, which no loader runs",
  "simple_nested.pkl": "a pickle in a pickle, of texts alone",
};

const work = mkdtempSync(join(tmpdir(), "weighbridge-scanners-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));
const python = join(import.meta.dirname, "python");
let interpreter = "";
beforeAll(() => {
  interpreter = ownEnvironment("scanners");
  // Some 90 packages are fetched the first time.
}, 1_800_000);

function namesOf(answer: unknown): readonly string[] {
  return Array.isArray(answer) ? answer.map(String) : [];
}

async function verdicts(files: readonly string[]): Promise<readonly string[]> {
  const found: string[] = [];
  for (const file of files) found.push((await scan(file)).verdict);
  return found;
}

/** By file: what each of the others found there. */
function findingsOf(files: readonly string[]): readonly (readonly string[])[] {
  const script = join(python, "other_scanners.py");
  const said: unknown = JSON.parse(run(interpreter, [script], JSON.stringify({ files })));
  const answers: readonly unknown[] = Array.isArray(said) ? said : [];
  expect(answers).toHaveLength(files.length);
  return answers.map((answer) =>
    Object.entries(isRecord(answer) ? answer : {})
      .filter(([, text]) => String(text).startsWith("found: "))
      .map(([scanner, text]) => `${scanner} ${String(text)}`),
  );
}

function missed(
  files: readonly string[],
  ours: readonly string[],
  theirs: readonly (readonly string[])[],
): readonly string[] {
  return files.flatMap((file, index) => {
    const name = file.slice(file.lastIndexOf("/") + 1);
    const found = theirs[index] ?? [];
    const isMissed = ours[index] === "safe" && found.length > 0 && DIFFERENT[name] === undefined;
    return isMissed ? [`${name}: ${found.join("; ")}`] : [];
  });
}

describe("beside picklescan, modelscan, modelaudit and fickling, scan", () => {
  it("misses nothing that one of them finds in files made after published attacks", async () => {
    const folder = mkdtempSync(join(work, "attacks-"));
    const files = namesOf(runPython("draw_attacks.py", { folder })).map((name) =>
      join(folder, name),
    );
    expect(files.length).toBeGreaterThan(250);
    const ours = await verdicts(files);
    expect(files.filter((_, index) => ours[index] !== "unsafe")).toEqual([]);
    const some = files.filter((_, index) => index % EVERY === 0);
    const theirs = findingsOf(some);
    // Each of them finds some: they were run.
    for (const scanner of ["picklescan", "modelscan", "modelaudit", "fickling"])
      expect(theirs.flat().filter((text) => text.startsWith(scanner)).length).toBeGreaterThan(5);
  });

  it("misses nothing that one of them finds in the test files of a source package", async () => {
    const folder = mkdtempSync(join(work, "sources-"));
    const list = join(folder, "list.txt");
    writeFileSync(list, SOURCES);
    const download = ["-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"];
    run(interpreter, [...download, "--dest", folder, "--require-hashes", "--requirement", list]);
    const archive = readdirSync(folder).find((name) => name.endsWith(".tar.gz")) ?? "";
    run("tar", ["xzf", join(folder, archive), "-C", folder]);
    const files = readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((name) =>
        /\/tests\/assets\/.*\.(pkl|pt|npy|zip|h5|safetensors|json|jinja|j2|skops|pb|model)$/.test(
          name,
        ),
      )
      .map((name) => join(folder, name));
    expect(files.length).toBeGreaterThan(70);
    expect(missed(files, await verdicts(files), findingsOf(files))).toEqual([]);
  });

  it("calls 200 honest files of torch, paddle, numpy, safetensors, pickle and joblib safe", async () => {
    const folder = mkdtempSync(join(work, "honest-"));
    const drawn = namesOf(runPython("draw_scanned.py", { folder }));
    const input = JSON.stringify({ folder });
    const joblib: unknown = JSON.parse(run(interpreter, [join(python, "draw_joblib.py")], input));
    const files = [...drawn, ...namesOf(joblib)].map((name) => join(folder, name));
    expect(files.length).toBeGreaterThanOrEqual(200);
    const ours = await verdicts(files);
    expect(files.filter((_, index) => ours[index] !== "safe")).toEqual([]);
  });
});
