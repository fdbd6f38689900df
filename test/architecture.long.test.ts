import { spawnSync } from "node:child_process";
import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { ERROR_CODES } from "../src/errors/codes.ts";
import { isRecord } from "./support/is-record.ts";

const ROOT = join(import.meta.dirname, "..");
const temporary: string[] = [];
afterAll(() => temporary.forEach((folder) => rmSync(folder, { recursive: true, force: true })));

interface Cruise {
  readonly cruised: number;
  readonly violations: readonly string[];
}

function cruise(folder: string): Cruise {
  const program = join(ROOT, "node_modules/dependency-cruiser/bin/dependency-cruise.mjs");
  const options = ["src", "--config", ".dependency-cruiser.cjs", "--output-type", "json"];
  const { stdout, stderr } = spawnSync(process.execPath, [program, ...options], {
    cwd: folder,
    encoding: "utf8",
    maxBuffer: 2 ** 28,
  });
  const report: unknown = JSON.parse(stdout === "" ? `"${stderr}"` : stdout);
  const summary = isRecord(report) ? report["summary"] : undefined;
  if (!isRecord(summary)) throw new Error(`no summary: ${stderr}`);
  const { totalCruised, violations } = summary;
  if (typeof totalCruised !== "number" || !Array.isArray(violations)) throw new Error("no counts");
  return {
    cruised: totalCruised,
    violations: violations.map((found: unknown) => {
      const rule = isRecord(found) ? found["rule"] : undefined;
      return isRecord(found) && isRecord(rule)
        ? `${String(rule["name"])}: ${String(found["from"])} -> ${String(found["to"])}`
        : "unreadable violation";
    }),
  };
}

/** The sources in a folder of their own, with `added` files beside them. */
function copyWith(added: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), "weighbridge-architecture-"));
  temporary.push(folder);
  cpSync(join(ROOT, "src"), join(folder, "src"), { recursive: true });
  for (const file of [".dependency-cruiser.cjs", "tsconfig.json", "package.json"]) {
    cpSync(join(ROOT, file), join(folder, file));
  }
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  for (const [path, text] of Object.entries(added)) writeFileSync(join(folder, path), text);
  return folder;
}

describe("layers", () => {
  test("every import points to the own layer or one below", () => {
    const { cruised, violations } = cruise(ROOT);
    expect(violations).toEqual([]);
    expect(cruised).toBeGreaterThan(50);
  });

  test("an import upwards, one sideways and a cycle are caught", () => {
    const found = cruise(
      copyWith({
        "src/tensor/seeded-upwards.ts":
          'import type { FileSource } from "../sources/file.ts";\nexport type Seeded = FileSource;\n',
        "src/convert/seeded-sideways.ts":
          'import type { Seeded } from "../verify/seeded-target.ts";\nexport type Sideways = Seeded;\n',
        "src/verify/seeded-target.ts": "export type Seeded = string;\n",
        "src/tensor/seeded-a.ts":
          'import type { B } from "./seeded-b.ts";\nexport type A = B | 1;\n',
        "src/tensor/seeded-b.ts":
          'import type { A } from "./seeded-a.ts";\nexport type B = A[] | 2;\n',
      }),
    ).violations.filter((violation) => violation.includes("seeded"));
    expect(found.map((violation) => violation.split(":")[0])).toEqual(
      expect.arrayContaining([
        "tensor-imports-only-below",
        "convert-imports-only-below",
        "no-circular",
      ]),
    );
  });
});

/** What .gitignore leaves out, and git's own folder. */
const NOT_OURS = new Set([
  ".git",
  ".scratch",
  ".venv",
  "__pycache__",
  "coverage",
  "dist",
  "node_modules",
]);

/** The project's files below `folder`, as paths from its root. */
function projectFiles(folder = ""): string[] {
  const found: string[] = [];
  const folders = [folder];
  for (let at = folders.pop(); at !== undefined; at = folders.pop()) {
    for (const entry of readdirSync(join(ROOT, at), { withFileTypes: true })) {
      if (NOT_OURS.has(entry.name)) continue;
      const path = at === "" ? entry.name : `${at}/${entry.name}`;
      if (entry.isDirectory()) folders.push(path);
      else if (entry.isFile()) found.push(path);
    }
  }
  return found.sort();
}

const textOf = (path: string): string => readFileSync(join(ROOT, path), "utf8");

/** Words of tensors' names; only `src/model` may look for them in a name. */
const NAME_WORDS =
  /_proj|layers?\b|layernorm|lm_head|embed_tokens|word_embed|inv_freq|W_pack|query_key_value|self_attn|\bmlp\b|\.bias\b|\.weight\b/;

/** Regular expressions, and tests of what a text begins with, ends in or includes. */
const NAME_TESTS =
  /\.(?:test|exec|match|matchAll|replace|replaceAll|search|split|endsWith|startsWith|includes)\(\s*(["'`/](?:\\.|[^\n])*?["'`/][a-z]*)\s*[,)]|(?<=[=(,:]\s*)(\/(?![/*])(?:\\.|[^\n/])+\/[a-z]*)(?=[.;,)\s])/g;

/** Who else may: names that training programs put around a model's, which are gone before it is asked what they mean. */
const WRAPPERS = "src/formats/names/";

/** What a source reads out of tensors' names by itself. */
function nameTests(source: string): readonly string[] {
  return [...source.matchAll(NAME_TESTS)]
    .map(([, called = "", literal = ""]) => called + literal)
    .filter((text) => NAME_WORDS.test(text));
}

describe("names of tensors", () => {
  test("are taken apart in the model's description alone", () => {
    const found = projectFiles("src")
      .filter((path) => path.endsWith(".ts"))
      .filter((path) => !path.startsWith("src/model/") && !path.startsWith(WRAPPERS))
      .flatMap((path) => nameTests(textOf(path)).map((text) => `${path}: ${text}`));
    expect(found).toEqual([]);
  });

  test.each([
    "const HEADS = /(q_proj|k_proj)\\.weight$/;",
    "if (/\\.layers\\.(\\d+)\\./.exec(name)) return 1;",
    'names.filter((name) => name.endsWith(".bias"))',
    'return name.includes("o_proj");',
    "name.startsWith(`model.layers.${layer}.`)",
    'name.replace(/^layers\\./, "")',
  ])("a test of a name elsewhere is caught: %s", (seeded) => {
    expect(nameTests(seeded)).toHaveLength(1);
  });
});

describe("error codes", () => {
  const used = new Map<string, string>();
  for (const path of projectFiles("src").filter((name) => !name.startsWith("src/errors/codes"))) {
    for (const [code] of textOf(path).matchAll(/\bWB\d{4}\b/g)) used.set(code, path);
  }

  test("every code used in src stands in the table", () => {
    const unknown = [...used].filter(([code]) => !(code in ERROR_CODES));
    expect(unknown).toEqual([]);
  });

  test("every code of the table is used in src", () => {
    expect(Object.keys(ERROR_CODES).filter((code) => !used.has(code))).toEqual([]);
  });
});

describe("files", () => {
  // Written apart, so that this file does not name what it looks for.
  const hosts = ["registry.npmjs", "pypi", "pythonhosted"].map((name) => `${name}.org`);
  const machine = new RegExp(
    String.raw`(^|[\s"'(=\x60])/(${["work", "root", "home"].join("|")})/\w`,
    "m",
  );
  const texts = projectFiles().filter(
    (path) =>
      /(\.(ts|mjs|cjs|js|json|md|py|txt|yml|yaml|sh)|\/run)$/.test(path) &&
      !path.startsWith("fixtures/goldens"),
  );

  test("no file names a package registry's host", () => {
    expect(texts.filter((path) => hosts.some((host) => textOf(path).includes(host)))).toEqual([]);
  });

  // Left behind by a test that was renamed, they compare nothing, and the test writes new ones.
  test("snapshots belong to tests that are there", () => {
    const snapshots = projectFiles().filter((path) => path.endsWith(".snap"));
    expect(snapshots.length).toBeGreaterThan(0);
    const tests = snapshots.map((path) =>
      path.replace("__snapshots__/", "").replace(/\.snap$/, ""),
    );
    expect(tests.filter((path) => !projectFiles().includes(path))).toEqual([]);
  });

  test("no file names a path of one machine", () => {
    expect(texts.filter((path) => machine.test(textOf(path)))).toEqual([]);
  });
});
