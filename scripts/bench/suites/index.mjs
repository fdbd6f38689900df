// Every case, in the order in which docs/performance.md shows them.
import { convertCases } from "./convert.mjs";
import { fileCases } from "./files.mjs";

export const suites = [...convertCases, ...fileCases];
