// Checks every fixture's size and sha256 against fixtures/manifest.json, and that the folder holds nothing else.
//
//   node scripts/verify-fixtures.mjs        ends with 0, or 1 after naming what differs
import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

const FIXTURES = join(dirname(fileURLToPath(import.meta.url)), "..", "fixtures");
/** Generators are checked by what they make; these two are written beside the manifest. */
const NOT_LISTED = /^(make\/|README\.md$|manifest\.json$)/;

const { files } = JSON.parse(readFileSync(join(FIXTURES, "manifest.json"), "utf8"));
const problems = [];

const present = new Set(
  readdirSync(FIXTURES, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(FIXTURES, join(entry.parentPath, entry.name)).split(sep).join("/"))
    .filter((path) => !NOT_LISTED.test(path)),
);
for (const [path, expected] of Object.entries(files)) {
  if (!present.delete(path)) {
    problems.push(`${path}: missing`);
    continue;
  }
  const data = readFileSync(join(FIXTURES, path));
  const sha256 = createHash("sha256").update(data).digest("hex");
  if (data.length !== expected.bytes)
    problems.push(`${path}: ${data.length} bytes, expected ${expected.bytes}`);
  else if (sha256 !== expected.sha256)
    problems.push(`${path}: sha256 ${sha256}, expected ${expected.sha256}`);
}
for (const path of present) problems.push(`${path}: not in manifest.json`);

for (const problem of problems) console.error(problem);
console.log(`${Object.keys(files).length} fixtures, ${problems.length} problems`);
process.exitCode = problems.length === 0 ? 0 : 1;
