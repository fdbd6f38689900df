import type { Parity } from "./compare/parity.ts";
import { withDamaged } from "./damaged.ts";
import type { Diagnosis } from "./diagnose/diagnosis.ts";
import type { Comparison } from "./result.ts";
import type { Bench } from "./subject.ts";

interface Findings extends Omit<Comparison, "verdict" | "diagnosis"> {
  readonly diagnoses: readonly Diagnosis[];
}

/** Judges what a comparison found: a failure is never without a diagnosis, nor a diagnosis of its own without a failure. */
export function comparison(
  { structure, tokenizers, damaged: records, options }: Bench,
  { diagnoses: found, ...findings }: Findings,
): Comparison {
  const shapes = structure.flatMap(({ tensors }) =>
    tensors.length === 0 ? [] : [`${tensors.length} tensors are transposed against the rest`],
  );
  // Where every value is the other side's, what the archive says of them changes nothing.
  const damaged = findings.weights?.wrong === 0 ? [] : records;
  const diagnoses = withDamaged(withoutTwins([...found, ...tokenizers.diagnoses]), damaged);
  const failures = [
    ...shapes,
    ...findings.failures,
    ...damaged.map(({ evidence }) => evidence),
    ...diagnoses.flatMap(ownFailure),
  ];
  const diagnosis = [...structure, ...diagnoses];
  if (failures.length === 0) return { ...findings, verdict: "pass", diagnosis: [], failures };
  return {
    ...findings,
    verdict: "fail",
    diagnosis: diagnosis.length > 0 ? diagnosis : [unexplained(failures, options.diagnose)],
    failures,
  };
}

/** A tensor that a diagnosis of this cause names already is not named again. */
function withoutTwins(diagnoses: readonly Diagnosis[]): readonly Diagnosis[] {
  return diagnoses.filter(
    ({ cause, tensors }, index) =>
      cause !== "non-finite" ||
      !diagnoses
        .slice(0, index)
        .some(
          (earlier) =>
            earlier.cause === cause && tensors.every((name) => earlier.tensors.includes(name)),
        ),
  );
}

/** A failure is never without a diagnosis: what is known of it is said. */
function unexplained(failures: readonly string[], wasSought: boolean): Diagnosis {
  const evidence = `${failures[0] ?? ""}; ${wasSought ? "nothing more was found" : "the cause was not looked for (--no-diagnose)"}`;
  return { cause: "undetermined", tensors: [], evidence };
}

/** What is wrong though the logits of these prompts fit. */
const BY_THEMSELVES: ReadonlySet<Diagnosis["cause"]> = new Set([
  "tokenizer",
  "template",
  "config-mismatch",
]);

/** Another tokenizer or template, other settings and values that are no number are failures though the logits of these prompts fit. */
function ownFailure({ cause, tensors, evidence }: Diagnosis): readonly string[] {
  if (cause === "non-finite") return [`${tensors.join(", ")}: ${evidence}`];
  return BY_THEMSELVES.has(cause) ? [evidence] : [];
}

/** Tensors are missing: the model cannot run. */
export function broken(bench: Bench, reference: string): Comparison {
  return {
    kind: "checkpoint",
    path: reference,
    verdict: "fail",
    parity: undefined,
    greedy: [],
    weights: undefined,
    diagnosis: bench.structure,
    failures: ["nothing was compared: the model cannot run without the tensors that are missing"],
    coverage: { tokens: 0, positions: 0, texts: 0, tensors: 0, unreached: ["everything"] },
    notRun: [],
  };
}

/** Positions whose values were compared. */
export function positionsOf(parity: Parity | undefined): number {
  return (parity?.prompts ?? []).reduce((sum, { positions }) => sum + positions, 0);
}
