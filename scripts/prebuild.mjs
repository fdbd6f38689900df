// Makes the package of compiled addons for this platform, from the installation that `weighbridge native install` compiled here:
// so that installing it beside weighbridge needs no C++ compiler.
//
//   node scripts/prebuild.mjs FOLDER   writes FOLDER/weighbridge-native-PLATFORM, ready for `npm pack`
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const [out] = process.argv.slice(2);
if (out === undefined) throw new Error("expected the folder to write to");

const { installNative } = await import("../dist/index.js");
const installed = await installNative({ variant: "cpu" });
const marker = JSON.parse(readFileSync(join(installed.folder, "installed.json"), "utf8"));
const { tensorflow, tfjsNode, sources } = marker;
const { version, license } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

const platform = `${process.platform}-${process.arch}`;
const name = `weighbridge-native-${platform}`;
const target = join(out, name);
const source = join(installed.folder, "node_modules/@tensorflow/tfjs-node-gpu");
/** Kernels are compiled for x86-64 alone. */
const FILES = ["lib/kernels.node", "lib/napi-v8/tfjs_binding.node", "lib/quiet.node"];

const files = {};
for (const file of FILES.filter((path) => existsSync(join(source, path)))) {
  const bytes = readFileSync(join(source, file));
  files[file] = createHash("sha256").update(bytes).digest("hex");
  mkdirSync(dirname(join(target, file)), { recursive: true });
  writeFileSync(join(target, file), bytes);
}
const json = (value) => `${JSON.stringify(value, undefined, 2)}\n`;
writeFileSync(
  join(target, "prebuilt.json"),
  json({ platform, tensorflow, tfjsNode, sources, files }),
);
copyFileSync(join(root, "LICENSE"), join(target, "LICENSE"));
writeFileSync(
  join(target, "NOTICE"),
  `${readFileSync(join(root, "NOTICE"), "utf8")}\ntfjs_binding.node is the binding of TensorFlow.js ${tfjsNode}, Copyright Google LLC, compiled without changes (Apache License, Version 2.0).\n`,
);
writeFileSync(
  join(target, "README.md"),
  `# ${name}\n\nThe native addons of weighbridge ${version}, compiled for ${platform}: \`weighbridge native install\` takes them in place of a C++\ncompiler. They are linked with TensorFlow ${tensorflow}, which it fetches itself.\n`,
);
writeFileSync(
  join(target, "package.json"),
  json({
    name,
    version,
    description: `Compiled addons of weighbridge for ${platform}`,
    license,
    os: [process.platform],
    cpu: [process.arch],
    ...(process.platform === "linux" ? { libc: ["glibc"] } : {}),
    files: ["lib", "prebuilt.json", "LICENSE", "NOTICE"],
  }),
);
console.log(target);
