// The bench's command line: what may be asked for, what it means, and what is refused.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";

/** A command line that cannot be followed. */
export class UsageError extends Error {}

/** Parts of the bench, each a word of its own on the command line. */
export const PARTS = {
  files: "conversion, headers, diff",
  inference: "prefill and decode, and loading",
  evaluate: "MMLU beside OpenCompass and lm-evaluation-harness",
  growth: "curves over file size, number of tensors, context length and batch",
};

export const USAGE = `usage: npm run bench -- [PART] [options]

Measures weighbridge beside its peers in one run, in alternating order, several times. Results go to docs/performance as JSON
and charts, and into the tables of docs/performance.md. Parts, all where none is named:
${Object.entries(PARTS)
  .map(([name, what]) => `  ${name.padEnd(16)} ${what}`)
  .join("\n")}

which cases
  --only NAME,…      by id or the beginning of it ("convert"); or single contenders of inference by name ("weighbridge f32"),
                     whose figures are then printed and not kept, but in --results
  --points N         the first N points of each curve only; printed and not kept
  --quick            small inputs, about a minute, ratios only; nothing is kept
  --list             print ids and titles
  --render           draw docs/performance.md and its charts anew from the results that are kept
how often
  --rounds N         runs of each contender (a case's own number, else 3)
  --peer-rounds N    runs of the slow ways in Python, at most as many as rounds; 0 leaves them out (1)
with what
  --models DIR       where inputs are made and stay: 2 GB to 60 GB, by case (.scratch/bench)
  --folder DIR       the model of inference, and its peers' files (MODELS/217m)
  --python PROGRAM   Python with torch, paddle and transformers (.venv/bin/python)
  --peers PROGRAM    Python with scripts/bench/peers/requirements.txt: llama.cpp, and the files for ONNX Runtime
  --all-peers        also transformers at 7 billion parameters, which takes 24 GB of memory and minutes
  --results DIR      keep results there, and leave docs alone

Ends with 0; with 1 when a contender failed, which its table names while all others go on; with 2 when it was asked wrongly.`;

function count(values, name, least) {
  const text = values[name];
  if (text === undefined) return undefined;
  const number = Number(text);
  if (!/^\d+$/.test(text) || number < least)
    throw new UsageError(
      `--${name} takes a whole number of at least ${least}, not ${JSON.stringify(text)}`,
    );
  return number;
}

/** What the arguments ask for, with `root` the project's folder. @throws UsageError */
export function parseOptions(args, root) {
  const [first] = args;
  const named = first !== undefined && !first.startsWith("-");
  if (named && !Object.hasOwn(PARTS, first))
    throw new UsageError(`no part is called ${first}; there are ${Object.keys(PARTS).join(", ")}`);
  const text = { type: "string" };
  const flag = { type: "boolean", default: false };
  const options = {
    only: text,
    points: text,
    quick: flag,
    list: flag,
    render: flag,
    rounds: text,
    "peer-rounds": { ...text, default: "1" },
    models: { ...text, default: join(root, ".scratch/bench") },
    folder: text,
    python: { ...text, default: join(root, ".venv/bin/python") },
    peers: text,
    "all-peers": flag,
    results: text,
    help: { ...flag, short: "h" },
  };
  const values = parse(named ? args.slice(1) : args, options);
  if (values.peers?.includes("/") && !existsSync(values.peers))
    throw new UsageError(`--peers: there is no ${values.peers}`);
  return {
    ...values,
    part: named ? first : undefined,
    only: values.only?.split(",").filter((name) => name !== ""),
    points: count(values, "points", 1),
    rounds: count(values, "rounds", 1),
    peerRounds: count(values, "peer-rounds", 0),
    folder: values.folder ?? join(values.models, "217m"),
    allPeers: values["all-peers"],
  };
}

function parse(args, options) {
  try {
    return parseArgs({ args, options }).values;
  } catch (error) {
    throw new UsageError(error.message, { cause: error });
  }
}

const has = ({ names = [] }, name) => names.includes(name);

/**
 * The cases that were asked for, and the names of single contenders among `only`. A name is a case's id, its beginning, or a
 * contender's. @throws UsageError naming what is unknown
 */
export function choose(suites, { part, only, quick }) {
  const inPart = suites.filter((suite) => part === undefined || suite.part === part);
  if (only === undefined) {
    const cases = inPart.filter((suite) => (suite.quick ?? false) === quick);
    return { cases, contenders: undefined };
  }
  const unknown = only.filter(
    (name) => !inPart.some((suite) => suite.id.startsWith(name) || has(suite, name)),
  );
  if (unknown.length > 0 || only.length === 0) {
    const ids = inPart.map(({ id }) => id).join(", ");
    throw new UsageError(`--only: no case is called ${unknown.join(", ")}; there are ${ids}`);
  }
  const single = only.filter((name) => !inPart.some(({ id }) => id.startsWith(name)));
  const cases = inPart.filter(
    (suite) =>
      only.some((name) => suite.id.startsWith(name)) || single.some((name) => has(suite, name)),
  );
  return { cases, contenders: single.length > 0 ? single : undefined };
}
