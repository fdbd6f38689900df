// Checks every fixture's size and sha256 against fixtures/manifest.json, and that the folder holds nothing else.
//
//   node scripts/verify-fixtures.mjs        ends with 0, or 1 after naming what differs
//   node scripts/verify-fixtures.mjs --add  notes files that the manifest does not have yet; never changes what it says
import { createHash } from "node:crypto";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

const FIXTURES = join(dirname(fileURLToPath(import.meta.url)), "..", "fixtures");
/** Generators are checked by what they make; these are written beside the manifest. */
const NOT_LISTED = /^(make\/|README\.md$|manifest\.json$|conversions\.json$)/;

const MANIFEST = join(FIXTURES, "manifest.json");
const text = readFileSync(MANIFEST, "utf8");
const { files } = JSON.parse(text);
const problems = [];

/** What the manifest says of a file. */
function facts(path) {
  const data = readFileSync(join(FIXTURES, path));
  return { bytes: data.length, sha256: createHash("sha256").update(data).digest("hex") };
}

/** Sorts folder by folder, as the generators do. */
const key = (path) => path.replaceAll("/", "\0");

/** Writes the table of files anew, sorted as the generators sort it; the rest of the text stays as it is. */
function writeTable(table) {
  const rows = Object.entries(table).toSorted(([a], [b]) => (key(a) < key(b) ? -1 : 1));
  const at = text.indexOf('\n "files": {');
  const json = JSON.stringify(Object.fromEntries(rows), undefined, 1).replaceAll("\n", "\n ");
  writeFileSync(MANIFEST, `${text.slice(0, at)}\n "files": ${json}\n}\n`);
}

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
  const { bytes, sha256 } = facts(path);
  if (bytes !== expected.bytes)
    problems.push(`${path}: ${bytes} bytes, expected ${expected.bytes}`);
  else if (sha256 !== expected.sha256)
    problems.push(`${path}: sha256 ${sha256}, expected ${expected.sha256}`);
}
if (process.argv.includes("--add") && present.size > 0) {
  for (const path of present) {
    files[path] = facts(path);
    console.log(`added ${path}`);
  }
  present.clear();
  writeTable(files);
}
for (const path of present) problems.push(`${path}: not in manifest.json`);

for (const problem of problems) console.error(problem);
console.log(`${Object.keys(files).length} fixtures, ${problems.length} problems`);
process.exitCode = problems.length === 0 ? 0 : 1;
