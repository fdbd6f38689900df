#!/usr/bin/env node
import { existsSync, readFileSync } from "node:fs";
import module from "node:module";

// From Node 22 on: the second start compiles nothing. A home that cannot be written is no reason to fail.
module.enableCompileCache?.();

const entry = new URL("../dist/cli/main.js", import.meta.url);
if (process.argv.length === 3 && process.argv[2] === "--version") {
  // Scripts ask this often, and first: it needs none of the modules.
  const text = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  process.stdout.on("error", ({ code }) => {
    if (code === "EPIPE") return;
    process.stderr.write(`error: standard output: cannot be written (${code})\n`);
    process.exitCode = 6;
  });
  process.stdout.write(`${JSON.parse(text).version}\n`);
} else if (existsSync(entry)) {
  const { main } = await import(entry.href);
  await main(process.argv.slice(2));
} else {
  process.stderr.write("weighbridge is not built in this checkout; run: npm ci && npm run build\n");
  process.exitCode = 6;
}
