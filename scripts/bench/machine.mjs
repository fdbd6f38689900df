// What was measured on: a result without its machine says nothing.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";

const firstLine = (command, ...args) => {
  const { status, stdout } = spawnSync(command, args, { encoding: "utf8" });
  return status === 0 ? stdout.trim().split("\n")[0] : undefined;
};

/** Instruction sets that decide how fast hashes, copies and products are. */
const TELLING = ["avx2", "avx512f", "avx512_bf16", "amx_bf16", "sha_ni"];

function features() {
  try {
    const flags = /^flags\s*:(.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1] ?? "";
    return TELLING.filter((name) => flags.split(" ").includes(name));
  } catch {
    return [];
  }
}

/** The machine as results name it; `folder` says which disk. */
export function machine(folder) {
  return {
    cpu: cpus()[0]?.model.trim(),
    cores: cpus().length,
    features: features(),
    memoryBytes: totalmem(),
    disk: firstLine("findmnt", "--noheadings", "--output", "FSTYPE", "--target", folder),
    system: firstLine("uname", "-sr"),
    gpu: firstLine("nvidia-smi", "--query-gpu=name", "--format=csv,noheader"),
    node: process.version,
  };
}

/** One line for people. */
export function describe({ cpu, cores, features: found, memoryBytes, disk, system, gpu, node }) {
  const parts = [
    `${cores} cores of ${cpu}${found.length > 0 ? ` (${found.join(", ")})` : ""}`,
    `${(memoryBytes / 2 ** 30).toFixed(0)} GiB of memory`,
    disk,
    system,
    gpu,
    `Node ${node}`,
  ];
  return parts.filter(Boolean).join("; ");
}
