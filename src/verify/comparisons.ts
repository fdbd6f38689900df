import type { Backend } from "../runtime/backends/backend.ts";
import type { Prompt } from "../session/prompts.ts";
import { verifyGolden } from "./against-golden.ts";
import { verifyOther } from "./against-other.ts";
import type { ScannedTensor } from "./compare/scan-values.ts";
import { comparison, positionsOf } from "./comparison.ts";
import { coverageOf, nonFiniteDiagnoses } from "./coverage.ts";
import {
  verifyEndpoint,
  type EndpointFindings,
  type EndpointOptions,
} from "./endpoint/against-endpoint.ts";
import { greedyNames } from "./greedy-check.ts";
import { greedyDiagnosis } from "./greedy-diagnosis.ts";
import type { InputFile } from "./inputs.ts";
import type { Comparison } from "./result.ts";
import type { Bench } from "./subject.ts";

/** Holds a model against a golden file. */
export async function againstGolden(
  bench: Bench,
  path: string,
  scanned: readonly ScannedTensor[],
  told: string[],
): Promise<Comparison> {
  const { golden, parity, greedy, diagnoses, notes, texts } = await verifyGolden(bench, path);
  told.push(...notes);
  const failures = [...parity.failures];
  for (const { prompt, repetitionPenalty, tokens, agreeing, nearTies } of greedy) {
    const wrong = tokens - agreeing - nearTies;
    if (wrong > 0)
      failures.push(
        `${prompt}: ${wrong} of ${tokens} greedy ids are others (repetition penalty ${repetitionPenalty})`,
      );
  }
  const isGreedyAlone = parity.passes && failures.length > 0;
  return comparison(bench, {
    kind: "golden",
    path,
    parity,
    greedy,
    weights: undefined,
    failures,
    diagnoses: [
      ...diagnoses,
      ...nonFiniteDiagnoses(scanned),
      ...(isGreedyAlone ? [await greedyDiagnosis(bench.folder)] : []),
    ],
    coverage: coverageOf({
      prompts: golden.prompts.map(({ ids }) => ids),
      positions: positionsOf(parity),
      texts: texts + bench.tokenizers.texts,
      tensors: bench.tensors.size,
      vocabSize: bench.laboratory.config.vocabSize,
      config: bench.laboratory.config,
      comparedValues: false,
    }),
    notRun: greedy.length === 0 ? greedyNames(golden) : [],
  });
}

/** Holds a model against another checkpoint. */
export async function againstOther(
  bench: Bench,
  path: string,
  backend: Backend,
  prompts: readonly Prompt[] | undefined,
  compareWeights: boolean,
  scanned: readonly ScannedTensor[],
  { inputs, told }: { readonly inputs: InputFile[]; readonly told: string[] },
): Promise<Comparison> {
  const outcome = await verifyOther(bench, path, backend, prompts, compareWeights);
  inputs.push(...outcome.inputs);
  told.push(...outcome.notes);
  const { parity, weights, diagnoses } = outcome;
  const { quantisation } = outcome;
  const failures = [
    ...(outcome.failures ??
      parity?.failures ?? ["nothing was compared: the other side cannot run, or has another head"]),
  ];
  if (quantisation === undefined && weights !== undefined && weights.wrong > 0)
    failures.push(`${weights.wrong} of ${weights.compared} tensors differ`);
  // Where every value is the other side's, one that is no number is, too: it was not made by what is verified here.
  const isSame = weights !== undefined && weights.wrong === 0;
  return comparison(bench, {
    kind: "checkpoint",
    path,
    parity,
    greedy: [],
    weights,
    failures,
    diagnoses: [...diagnoses, ...(isSame ? [] : nonFiniteDiagnoses(scanned))],
    coverage: coverageOf({
      prompts: outcome.prompts.map(({ ids }) => ids),
      positions: positionsOf(parity),
      texts: outcome.texts + bench.tokenizers.texts,
      tensors: bench.tensors.size,
      vocabSize: bench.laboratory.config.vocabSize,
      config: bench.laboratory.config,
      comparedValues: weights !== undefined,
    }),
    notRun: weights === undefined ? ["tensors"] : [],
    ...(quantisation === undefined ? {} : { quantisation }),
  });
}

/** Asks a server; its values are log-probabilities, and stand where other comparisons have logits. */
export async function againstEndpoint(
  bench: Bench,
  options: EndpointOptions,
  prompts: readonly Prompt[] | undefined,
  scanned: readonly ScannedTensor[],
): Promise<Comparison> {
  const outcome = await verifyEndpoint(bench, options, prompts);
  const { parity, endpoint, failures, diagnoses } = outcome;
  const { config } = bench.laboratory;
  const longest = Math.max(0, ...outcome.prompts.map(({ ids }) => ids.length));
  const coverage = coverageOf({
    prompts: outcome.prompts.map(({ ids }) => ids),
    positions: positionsOf(parity) + auditedBy(endpoint),
    texts: endpoint.tokenizer.ids + endpoint.tokenizer.counts,
    tensors: bench.tensors.size,
    vocabSize: config.vocabSize,
    config,
    comparedValues: false,
  });
  return comparison(bench, {
    kind: "endpoint",
    path: endpoint.url,
    parity,
    greedy: [],
    weights: undefined,
    endpoint,
    failures,
    diagnoses: [...diagnoses, ...nonFiniteDiagnoses(scanned)],
    coverage: {
      ...coverage,
      unreached: [
        ...coverage.unreached,
        `the server's context beyond ${longest} tokens`,
        ...unseenBy(endpoint),
        ...(endpoint.tokenizer.ids + endpoint.tokenizer.counts === 0
          ? ["the server's tokenizer: it tells nothing of how it reads texts"]
          : []),
        ...(isTemplateUnseen(endpoint)
          ? ["the server's chat template: it tells nothing of how it writes conversations"]
          : []),
      ],
    },
    notRun: [],
  });
}

/** Whether the model has a chat template, and the server told nothing of its own. */
function isTemplateUnseen({ template }: EndpointFindings): boolean {
  return template !== undefined && template.ids + template.texts + template.counts === 0;
}

/** Tokens that a server was judged by where it told nothing else. */
function auditedBy({ audit }: EndpointFindings): number {
  return audit === undefined ? 0 : audit.drawn + audit.greedy;
}

/** What tokens alone were too few to show. */
function unseenBy({ audit }: EndpointFindings): readonly string[] {
  if (audit === undefined || audit.unseen.length === 0) return [];
  return [
    `what ${audit.drawn} drawn tokens do not show: that the server ${audit.unseen.join(", or ")}`,
  ];
}
