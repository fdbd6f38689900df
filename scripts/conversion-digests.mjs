// Digests of what every fixture converts to, in every target format: a change of a byte in any of them is seen.
//
//   node scripts/conversion-digests.mjs                  compares with fixtures/conversions.json; names what differs, ends with 1
//   node scripts/conversion-digests.mjs --write FILE     writes what this build makes
//   --product DIR    another built copy of the project, as the manifest was made by the version before the move to families
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

const ROOT = join(import.meta.dirname, "..");
const TARGETS = ["safetensors", "pytorch", "paddle"];
const { values } = parseArgs({
  options: { write: { type: "string" }, product: { type: "string", default: ROOT } },
});
const { convert } = await import(pathToFileURL(join(values.product, "dist/api/convert.js")).href);

/** Conversions that are meant to differ from the manifest, each with its reason; empty while behaviour is unchanged. */
const MEANT = new Map();

/** sha256 of every file of a folder, by name. */
function digestsOf(folder) {
  const names = readdirSync(folder).toSorted();
  return Object.fromEntries(
    names.map((name) => [
      name,
      createHash("sha256")
        .update(readFileSync(join(folder, name)))
        .digest("hex"),
    ]),
  );
}

/** What a conversion gives, or the code of the error that it ends with. */
async function outcome(source, to, target) {
  try {
    await convert(source, target, { to });
    return digestsOf(target);
  } catch (error) {
    if (typeof error?.code !== "string" || !/^WB\d{4}$/.test(error.code)) throw error;
    return { error: error.code };
  } finally {
    rmSync(target, { recursive: true, force: true });
  }
}

const { folders } = JSON.parse(readFileSync(join(ROOT, "fixtures/manifest.json"), "utf8"));
const scratch = mkdtempSync(join(tmpdir(), "weighbridge-digests-"));
const kept = JSON.parse(readFileSync(join(ROOT, "fixtures/conversions.json"), "utf8"));
// What was added since has no digest of the version before.
const names =
  values.write === undefined
    ? Object.keys(kept)
    : folders.flatMap(({ folder }) => TARGETS.map((to) => `${folder} to ${to}`));
const found = {};
for (const name of names) {
  const [folder = "", to = ""] = name.split(" to ");
  found[name] = await outcome(join(ROOT, "fixtures", folder), to, join(scratch, "target"));
}
rmSync(scratch, { recursive: true, force: true });

if (values.write === undefined) {
  const different = names.filter(
    (name) => !MEANT.has(name) && JSON.stringify(found[name]) !== JSON.stringify(kept[name]),
  );
  for (const name of different) {
    const files = new Set([...Object.keys(found[name]), ...Object.keys(kept[name])]);
    const changed = [...files].filter((file) => found[name][file] !== kept[name][file]);
    console.log(`${name}: ${changed.join(", ")} differ`);
  }
  console.log(`${names.length} conversions, ${different.length} differ from before`);
  process.exitCode = different.length === 0 && names.length > 100 ? 0 : 1;
} else {
  writeFileSync(values.write, `${JSON.stringify(found, undefined, 1)}\n`);
  console.log(`${names.length} conversions`);
}
