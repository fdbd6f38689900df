// Asks a model MMLU's questions and prints one line of JSON.
//
//   node run_weighbridge.mjs MODEL DATA SUBJECT,… DEVICE shared|whole
import { evaluate } from "../../../dist/evaluate/run.js";

const [model, data, subjects, device, sharing] = process.argv.slice(2);
const begin = performance.now();
const found = await evaluate(model, {
  data,
  tasks: subjects.split(",").map((name) => `mmlu/${name}`),
  device,
  compute: "f32",
  isShared: sharing === "shared",
});
console.log(
  JSON.stringify({
    version: found.backend,
    // Opening the model is part of the process, and not of asking.
    askSeconds: found.tasks.reduce((sum, { seconds }) => sum + seconds, 0),
    allSeconds: (performance.now() - begin) / 1000,
    tokens: found.tokens.computed,
    predictions: found.items.map(({ prediction }) => prediction).join(""),
    scores: found.items.map(({ scores }) => Object.values(scores)),
    peakBytes: process.resourceUsage().maxRSS * 1024,
  }),
);
