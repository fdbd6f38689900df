// The layers, lowest first. A file may import from its own layer and from those its entry names.
const TO_FORMATS = ["errors", "tensor", "sources", "formats"];
const TO_OPTIONS = [...TO_FORMATS, "model", "mapping", "options"];
const TO_SESSION = [...TO_OPTIONS, "runtime", "session"];
const LAYERS = {
  errors: [],
  tensor: ["errors"],
  sources: ["errors", "tensor"],
  formats: ["errors", "tensor", "sources"],
  scan: [...TO_OPTIONS, "runtime"],
  model: ["errors", "tensor"],
  mapping: [...TO_FORMATS, "model"],
  options: [...TO_FORMATS, "model", "mapping"],
  convert: TO_OPTIONS,
  runtime: TO_OPTIONS,
  session: [...TO_OPTIONS, "runtime"],
  // Its reports are written as those of verify are.
  evaluate: [...TO_SESSION, "verify"],
  verify: TO_SESSION,
  extract: [...TO_SESSION, "convert"],
  serve: TO_SESSION,
};
const BELOW_API = Object.keys(LAYERS);
LAYERS.api = BELOW_API;
LAYERS.library = [...BELOW_API, "api"];
LAYERS.cli = [...BELOW_API, "api"];

const arrows = Object.entries(LAYERS).map(([layer, below]) => ({
  name: `${layer}-imports-only-below`,
  severity: "error",
  from: { path: `^src/${layer}/` },
  to: { path: "^src/", pathNot: `^src/(${[layer, ...below].join("|")})/` },
}));

module.exports = {
  forbidden: [
    ...arrows,
    { name: "no-circular", severity: "error", from: {}, to: { circular: true } },
    {
      name: "no-orphans",
      severity: "error",
      from: { orphan: true, path: "^src/", pathNot: "\\.d\\.ts$" },
      to: {},
    },
    {
      name: "not-to-dev-dep",
      severity: "error",
      from: { path: "^src/" },
      to: { dependencyTypes: ["npm-dev"], dependencyTypesNot: ["type-only"] },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    doNotFollow: { path: "node_modules" },
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: {
      extensions: [".ts", ".js", ".mjs"],
      conditionNames: ["import", "types", "node", "default"],
    },
  },
};
