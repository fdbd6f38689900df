// Compiles the kernels of wasm/ (AssemblyScript) into modules that hold them as text: what runs from the sources, from dist and in a
// worker thread finds them in the same way, and nobody who installs the package needs a compiler.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { format } from "prettier";
import ts from "typescript";

/** What is compiled, and the module that it becomes. */
const KERNELS = [
  { source: "wasm/transpose.ts", target: "src/mapping/transpose-wasm.ts", name: "TRANSPOSE_WASM" },
  {
    source: "wasm/low-rank/index.ts",
    target: "src/mapping/computed/low-rank-wasm.ts",
    name: "LOW_RANK_WASM",
    // Vectors stay inside the module.
    options: ["--disableWarning", "112"],
  },
  {
    source: "wasm/quantise/index.ts",
    target: "src/formats/gguf/quantise-wasm.ts",
    name: "QUANTISE_WASM",
    // Vectors stay inside the module.
    options: ["--disableWarning", "112"],
  },
  {
    source: "wasm/decoder/index.ts",
    target: "src/runtime/backends/wasm/decoder-module.ts",
    name: "DECODER_WASM",
    // A memory of up to 4 GiB that threads share; vectors stay inside the module.
    options: [
      "--enable",
      "threads",
      "--importMemory",
      "--sharedMemory",
      "--initialMemory",
      "1",
      "--maximumMemory",
      "65536",
      "--disableWarning",
      "112",
    ],
  },
];

const OPTIONS = ["-O3", "--converge", "--noAssert", "--runtime", "stub", "--enable", "simd"];

async function compile(root, source, options) {
  const { main } = await import("assemblyscript/asc");
  let binary;
  const messages = [];
  const output = ["--outFile", "out.wasm", "--baseDir", root];
  const { error } = await main([source, ...OPTIONS, ...options, ...output], {
    stderr: { write: (text) => messages.push(text) },
    writeFile: (name, content) => {
      if (name === "out.wasm") binary = content;
    },
  });
  if (error) throw new Error(`${source}: ${error.message}\n${messages.join("")}`);
  return Buffer.from(binary);
}

/**
 * The functions that a source exports, its own and those it passes on, with the names of their parameters in order: callers name
 * what they give, and an order that changes in wasm/ changes here. AssemblyScript reads as TypeScript.
 */
export function exportedParameters(path) {
  const source = ts.createSourceFile(path, readFileSync(path, "utf8"), ts.ScriptTarget.Latest);
  const found = {};
  for (const statement of source.statements) {
    if (ts.isExportDeclaration(statement)) {
      const others = exportedParameters(
        join(dirname(path), `${statement.moduleSpecifier.text}.ts`),
      );
      for (const { name } of statement.exportClause.elements) found[name.text] = others[name.text];
    }
    const isExported = statement.modifiers?.some(
      ({ kind }) => kind === ts.SyntaxKind.ExportKeyword,
    );
    // A generic function is compiled into those that call it; a module cannot export it.
    if (!ts.isFunctionDeclaration(statement) || !isExported || statement.typeParameters) continue;
    found[statement.name.text] = statement.parameters.map(({ name }) => name.text);
  }
  return found;
}

/** The generated modules: path and text. */
export async function wasmModules(root) {
  const { version } = createRequire(import.meta.url)("assemblyscript/package.json");
  const files = new Map();
  for (const { source, target, name, options = [] } of KERNELS) {
    const text = [
      `// Generated from ${source} by scripts/generate/wasm.mjs with AssemblyScript ${version}; not to be edited.`,
      `export const ${name} =`,
      `  ${JSON.stringify((await compile(root, source, options)).toString("base64"))};`,
      "",
      "/** The functions that it exports, with the names of their parameters in order. */",
      `export const ${name}_PARAMETERS = ${JSON.stringify(exportedParameters(join(root, source)))} as const;`,
    ].join("\n");
    files.set(
      target,
      await format(text, { parser: "typescript", printWidth: 100, filepath: join(root, target) }),
    );
  }
  return files;
}
