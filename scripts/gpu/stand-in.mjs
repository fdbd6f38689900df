// Stand-ins for libraries that TensorFlow opens before it takes a GPU, and calls only for what weighbridge does not use.
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { basename } from "node:path";
import { fail, run } from "../cached-package.mjs";

/** The functions that a library offers. */
export function functionsOf(library) {
  const listed = run("nm", ["-D", "--defined-only", "--format=posix", library]);
  return listed
    .split("\n")
    .map((line) => line.split(" "))
    .map(([name, kind]) => [name.replace(/@.*/, ""), kind])
    .filter(([name, kind]) => (kind === "T" || kind === "W") && /^[A-Za-z_]\w*$/.test(name))
    .map(([name]) => name);
}

/** Source of a library in which each of the functions says that it is not there, and ends the process. */
export function standInSource(library, functions) {
  const lines = functions.map((name) => `void ${name}(void) { missing("${name}"); }`);
  return `#include <stdio.h>
#include <stdlib.h>
static void missing(const char *name) {
  fprintf(stderr, "weighbridge: %s of ${library} was called, and ${library} is a stand-in without code here: bring the real one\\n", name);
  abort();
}
${lines.join("\n")}
`;
}

/** Compiles a stand-in for `library` to `target`, under the same name. */
export function makeStandIn(library, target) {
  const name = basename(library);
  const source = `${target}.c`;
  writeFileSync(source, standInSource(name, functionsOf(library)));
  const flags = ["-shared", "-fPIC", "-Os", "-w", "-fno-builtin", "-x", "c"];
  const compiler = process.env.CC || "cc";
  const args = [...flags, source, "-o", target, `-Wl,-soname,${name}`];
  const { status, stderr, error } = spawnSync(compiler, args, { encoding: "utf8" });
  if (status !== 0) fail(`${compiler}: ${error?.message ?? stderr}`, "Is a C compiler there?");
  return source;
}
