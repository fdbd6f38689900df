// Writes what is made from the command table, schemas/*.json and man/*.1, and from wasm/*.ts,
// the kernels' modules. Build first. With --check, writes nothing and fails when a file is not what it would write.
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { format } from "prettier";
import { errorSchema, evalPlanSchema, outputSchema, planSchema } from "./generate/outputs.mjs";
import { wasmModules } from "./generate/wasm.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const { COMMANDS } = await import("../dist/cli/commands.js");
const { describeCommand } = await import("../dist/cli/describe.js");
const { configSchema } = await import("../dist/cli/config-schema.js");
const { manPages } = await import("../dist/cli/man-page.js");

const commands = COMMANDS.map(describeCommand);
const files = new Map();
const schema = async (name, value) => {
  const text = await format(JSON.stringify(value), { parser: "json", printWidth: 100 });
  files.set(`schemas/${name}.schema.json`, text);
};
for (const { name } of commands) await schema(name, outputSchema(name));
await schema("error", errorSchema());
await schema("convert-plan", planSchema());
await schema("eval-plan", evalPlanSchema());
await schema("weighbridge.config", configSchema(commands));
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
for (const { fileName, text } of manPages(commands, version)) files.set(`man/${fileName}`, text);

const modules = await wasmModules(root);
for (const [path, text] of modules) files.set(path, text);

const there = ["schemas", "man"].flatMap((folder) => {
  mkdirSync(join(root, folder), { recursive: true });
  return readdirSync(join(root, folder)).map((name) => `${folder}/${name}`);
});
there.push(...[...modules.keys()].filter((path) => existsSync(join(root, path))));
const stale = there.filter((path) => !files.has(path));
const changed = [...files].filter(
  ([path, text]) => !there.includes(path) || readFileSync(join(root, path), "utf8") !== text,
);
if (process.argv.includes("--check")) {
  const wrong = [...stale, ...changed.map(([path]) => path)];
  if (wrong.length > 0) {
    console.error(`not as generated: ${wrong.join(", ")}; run: npm run generate`);
    process.exitCode = 1;
  }
} else {
  for (const path of stale) rmSync(join(root, path));
  for (const [path, text] of changed) writeFileSync(join(root, path), text);
  console.log(`${files.size} files, ${changed.length} changed, ${stale.length} removed`);
}
