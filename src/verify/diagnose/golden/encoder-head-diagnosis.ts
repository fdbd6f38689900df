import type { ModelConfig } from "../../../model/config/model-config.ts";
import type { Role } from "../../../model/parameter.ts";
import { expectedTensors } from "../../../model/tensors.ts";
import type { Diagnosis } from "../diagnosis.ts";
import { edited, type Hypothesis } from "../hypotheses/hypothesis.ts";
import { transposeOf } from "../hypotheses/hypotheses.ts";
import type { LocalLab } from "./local-lab.ts";
import { explained, searchExplanations, type Departure, type SearchBudget } from "./search.ts";
import { takeRows } from "../hypotheses/tensor-edits.ts";
import { judgeValues } from "../values/value-diagnosis.ts";

/** Parameters of heads that give no logits of the vocabulary. */
const HEAD_ROLES: ReadonlySet<Role> = new Set([
  "pooler",
  "classifierDense",
  "classifier",
  "nextSentence",
  "start",
  "end",
]);

/** Rows of which every two are tried for each other. */
const MAX_ROWS = 16;

/** What the head of an encoder that gives no logits of the vocabulary is computed of, by name. */
function encoderHeadNames(config: ModelConfig, names: readonly string[]): readonly string[] {
  const has = new Set(names);
  return expectedTensors(config).flatMap(({ name, parameter }) =>
    HEAD_ROLES.has(parameter.role) && has.has(name) ? [name] : [],
  );
}

/** Mistakes in such a head: matrices in the other layout, rows in another order, starts for ends. */
export function encoderHeadHypotheses(
  config: ModelConfig,
  names: readonly string[],
): readonly Hypothesis[] {
  const own = new Set(encoderHeadNames(config, names));
  return expectedTensors(config).flatMap(({ name, shape, parameter }): readonly Hypothesis[] => {
    const [rows = 0, columns] = shape;
    if (!own.has(name) || columns === undefined) return [];
    const bias = name.replace(/weight$/, "bias");
    if (parameter.role === "start") return startsForEnds(name, own);
    if (rows === columns) return [transposeOf([name])];
    return rows > 1 && rows <= MAX_ROWS ? exchangedRows(name, bias, rows) : [transposeOf([name])];
  });
}

function startsForEnds(start: string, own: ReadonlySet<string>): readonly Hypothesis[] {
  const end = start.replace("start", "end");
  const pairs = [start, start.replace(/weight$/, "bias")].map((name) => [
    name,
    name.replace("start", "end"),
  ]);
  if (!own.has(end)) return [];
  return [
    {
      cause: "swapped",
      tensors: pairs.flat(),
      mistake: "stored under each other's name",
      undo: async (read) => {
        const changes = new Map<string, Awaited<ReturnType<typeof read>>>();
        for (const [left = "", right = ""] of pairs)
          changes.set(left, await read(right)).set(right, await read(left));
        return changes;
      },
    },
  ];
}

/** Every two rows for each other, with their biases. */
function exchangedRows(weight: string, bias: string, rows: number): readonly Hypothesis[] {
  const all = Array.from({ length: rows }, (_, row) => row);
  return all.flatMap((first) =>
    all.slice(first + 1).map((second): Hypothesis => {
      const order = all.map((row) => (row === first ? second : row === second ? first : row));
      return {
        cause: "swapped",
        tensors: [weight, bias],
        mistake: `rows ${first} and ${second} stand in each other's place`,
        undo: (read) => edited([weight, bias], read, (tensor) => takeRows(tensor, order)),
      };
    }),
  );
}

/** What is wrong with such a head: run on the golden's last states, its rows are wrong. */
export async function diagnoseEncoderHead(
  lab: LocalLab,
  departure: Departure,
  budget: SearchBudget,
): Promise<readonly Diagnosis[]> {
  const { laboratory } = lab;
  const { before, noise } = departure;
  const names = encoderHeadNames(laboratory.config, laboratory.names());
  const nonFinite = await judgeValues(names, laboratory, lab.read, ["non-finite"]);
  if (nonFinite.length > 0) return nonFinite.map((diagnosis) => ({ ...diagnosis, before }));
  const explanations = await searchExplanations(
    encoderHeadHypotheses(laboratory.config, laboratory.names()),
    lab,
    (changes) => lab.difference({ kind: "head" }, changes),
    departure,
    budget,
  );
  if (explanations.length > 0) return explanations.map(explained);
  const evidence = `on the golden's own last states the head departs by ${before.toExponential(1)} (noise ${noise.toExponential(1)}), and no known mistake explains it`;
  return [{ cause: "undetermined", tensors: names, evidence, before }];
}
