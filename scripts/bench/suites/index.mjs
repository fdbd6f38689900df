// Every case, in the order in which docs/performance.md shows them.
import { convertCases } from "./convert.mjs";
import { evaluateCases } from "./evaluate.mjs";
import { fileCases } from "./files.mjs";
import { growthCases } from "./growth.mjs";
import { largeCases } from "./inference-7b.mjs";
import { inferenceCases } from "./inference.mjs";

export const suites = [
  ...convertCases,
  ...fileCases,
  ...inferenceCases,
  ...largeCases,
  ...evaluateCases,
  ...growthCases,
];
