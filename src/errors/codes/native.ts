import type { CodeTable } from "../code-table.ts";

/** Codes of installing and loading native TensorFlow (61xx). */
export const NATIVE_CODES = {
  WB6101: {
    title: "no native TensorFlow for this platform",
    meaning:
      "The pinned builds are for Linux on x86-64 (CPU and CUDA) and on arm64 (CPU). Elsewhere there is none that this version knows.",
    remedy: "Use --device wasm, which needs nothing; or a machine with Linux.",
    details: { platform: "string", variant: "string" },
  },
  WB6102: {
    title: "Python with pip is needed and was not found",
    meaning:
      "TensorFlow's libraries are published as a Python wheel, and pip is the client that fetches it. Python is not needed afterwards.",
    remedy:
      "Install python3 with pip (Debian: apt install python3-pip), or name one with --python.",
    details: { python: "string" },
  },
  WB6103: {
    title: "a C++ compiler is needed and was not found",
    meaning: "The addon that joins Node and TensorFlow is compiled on this machine.",
    remedy: "Install g++ or clang++ (Debian: apt install g++), or name one in the variable CXX.",
    details: { candidates: "string[]" },
  },
  WB6104: {
    title: "pip could not fetch TensorFlow's wheel",
    meaning:
      "The download failed, or what arrived does not have the pinned sha256 and was refused.",
    remedy: "Check the network and pip's index settings, and run the command again.",
    details: { python: "string" },
  },
  WB6105: {
    title: "npm could not fetch the TensorFlow.js package",
    meaning: "`npm ci` with the pinned lock file failed. No script of any package was run.",
    remedy: "Check the network and npm's registry settings, and run the command again.",
    details: { command: "string" },
  },
  WB6106: {
    title: "the addon did not compile",
    meaning: "The compiler refused the addon's source or could not link it with TensorFlow.",
    remedy: "Read the compiler's message; g++ 9 or clang 10 with C++17 is enough.",
    details: { compiler: "string" },
  },
  WB6107: {
    title: "native TensorFlow does not load",
    meaning:
      "The addon is there, but it could not be loaded, or it does not offer what is needed: another system library, or a damaged folder.",
    remedy: "Run `weighbridge native remove` and `weighbridge native install`.",
    details: { path: "string" },
  },
} as const satisfies CodeTable;
