// npm packages whose bytes are pinned, unpacked in a cache outside the tree ($XDG_CACHE_HOME/weighbridge or ~/.cache/weighbridge).
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { basename, join } from "node:path";

const WHO = basename(process.argv[1] ?? "", ".mjs");

/** Where what is fetched and made is kept between runs. */
export const cacheFolder = () =>
  join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "weighbridge");

/** Ends the program: its environment has not what it needs. */
export function fail(message, hint) {
  console.error(`${WHO}: ${message}\n  ${hint}`);
  process.exit(6);
}

/** Runs a program, with `extra` in its environment, and gives its output. */
export function run(program, args, cwd, extra = {}) {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd,
    encoding: "utf8",
    maxBuffer: 2 ** 28,
    env: { ...process.env, ...extra },
  });
  if (status !== 0)
    fail(
      `${program} ${args.join(" ")} failed: ${error?.message ?? stderr}`,
      "Check the network and the disk, and run it again.",
    );
  return stdout.trim();
}

/** The packages are binaries. */
export function requireLinuxX64() {
  if (process.platform !== "linux" || process.arch !== "x64")
    fail(`${process.platform} on ${process.arch}`, "The package is for Linux on x64 only.");
}

/**
 * The folder of a package in the cache, fetched where `ready` is not in it.
 * @param prepare Works on the unpacked package, `staging/package`, before the folder gets its name.
 */
export function cachedPackage({ spec, sha512, folderName, ready, prepare = () => undefined }) {
  const folder = join(cacheFolder(), folderName);
  if (existsSync(join(folder, ready))) return folder;
  const staging = `${folder}.partial-${process.pid}`;
  mkdirSync(staging, { recursive: true });
  const packed = run("npm", ["pack", spec, "--silent"], staging).split("\n").at(-1);
  const archive = join(staging, packed);
  const digest = createHash("sha512").update(readFileSync(archive)).digest("base64");
  if (digest !== sha512) fail(`${spec} has sha512 ${digest}, expected ${sha512}`, "Do not use it.");
  run("tar", ["xzf", archive], staging);
  rmSync(archive);
  prepare(staging, folder);
  rmSync(folder, { recursive: true, force: true });
  renameSync(staging, folder);
  return folder;
}
