import type { Diagnosis } from "./diagnose/diagnosis.ts";
import type { ScannedTensor } from "./compare/scan-values.ts";
import type { ModelConfig } from "../model/config/model-config.ts";
import { EMBEDDINGS } from "../model/network.ts";
import type { Role } from "../model/parameter.ts";
import { expectedTensors } from "../model/tensors.ts";
import { listed } from "./listed.ts";

/** What a verdict rests on, and what it does not reach. */
export interface Coverage {
  /** Different tokens whose embeddings were read. */
  readonly tokens: number;
  /** Rows of logits that were compared. */
  readonly positions: number;
  /** Texts whose ids were compared, of two tokenizers each time; 0 where there was one tokenizer alone, or none. */
  readonly texts: number;
  /** Tensors that took part. */
  readonly tensors: number;
  /** What no prompt reached, in words. */
  readonly unreached: readonly string[];
}

/** Rows that a sentence lists. */
const LISTED = 6;

export interface CoverageFacts {
  readonly prompts: readonly (readonly number[])[];
  readonly positions: number;
  /** Texts that tokenizers were compared on. */
  readonly texts: number;
  /** The model's tensors, and those that were compared value by value. */
  readonly tensors: number;
  readonly vocabSize: number;
  /** True where all tensors were compared value by value, so that nothing was missed. */
  readonly comparedValues: boolean;
  readonly config: ModelConfig;
}

/** Parameters that no outputs depend on, unless the head stands on them. */
function isIdle(role: Role, { encoder }: ModelConfig): boolean {
  if (role === "nextSentence") return encoder?.head !== "nextSentence";
  if (role !== "pooler") return false;
  const isClasses = encoder?.head === "sequence" && !encoder.hasHeadDense;
  return !isClasses && encoder?.head !== "nextSentence";
}

/** Tables of which prompts read the first row alone. */
const FIRST_ROW: ReadonlySet<Role> = new Set(["typeEmbedding", "taskTypeEmbedding"]);

/** What the logits of no prompt reach. */
function beyondPrompts(config: ModelConfig): {
  readonly tensors: number;
  readonly texts: string[];
} {
  const specs = expectedTensors(config);
  const idle = specs.filter(({ parameter }) => isIdle(parameter.role, config));
  const texts = specs.flatMap(({ name, shape: [rows = 0], parameter }) =>
    FIRST_ROW.has(parameter.role) && rows > 1
      ? [`${rows - 1} of ${rows} rows of ${name}: prompts have the first kind alone`]
      : [],
  );
  if (idle.length > 0)
    texts.push(`${idle.map(({ name }) => name).join(", ")}: no logits depend on them`);
  return { tensors: idle.length, texts };
}

export function coverageOf(facts: CoverageFacts): Coverage {
  const tokens = new Set(facts.prompts.flat()).size;
  const missed = facts.vocabSize - tokens;
  if (facts.comparedValues)
    return {
      tokens,
      positions: facts.positions,
      texts: facts.texts,
      tensors: facts.tensors,
      unreached: [],
    };
  const beyond = beyondPrompts(facts.config);
  const rows =
    missed > 0
      ? [`${missed} of ${facts.vocabSize} rows of ${EMBEDDINGS}: no prompt has their tokens`]
      : [];
  return {
    tokens,
    positions: facts.positions,
    texts: facts.texts,
    tensors: facts.tensors - beyond.tensors,
    unreached: [...rows, ...beyond.texts],
  };
}

/** Several comparisons of one model: each number is the largest, and only what none reached is unreached. */
export function joinedCoverage(parts: readonly Coverage[]): Coverage {
  const [first, ...rest] = parts;
  return {
    tokens: Math.max(0, ...parts.map(({ tokens }) => tokens)),
    positions: parts.reduce((sum, { positions }) => sum + positions, 0),
    texts: Math.max(0, ...parts.map(({ texts }) => texts)),
    tensors: Math.max(0, ...parts.map(({ tensors }) => tensors)),
    unreached:
      first === undefined || rest.some(({ unreached }) => unreached.length === 0)
        ? []
        : first.unreached,
  };
}

/** Values that are no number are a failure wherever they are: some prompt will reach them. */
export function nonFiniteDiagnoses(scanned: readonly ScannedTensor[]): readonly Diagnosis[] {
  return scanned.flatMap(({ name, nonFinite, nonFiniteRows, rows }) =>
    nonFinite === 0
      ? []
      : [
          {
            cause: "non-finite" as const,
            tensors: [name],
            evidence: `${nonFinite} elements are NaN or infinite, in ${nonFiniteRows.length} of ${rows} rows: ${listed(nonFiniteRows, LISTED)}`,
            claims: [{ tensor: name, kind: "non-finite" as const, count: nonFinite }],
          },
        ],
  );
}

/** What is odd and may be meant: a padding token has a row of zeros, and tokens that were never trained equal ones. */
export function oddRows(scanned: readonly ScannedTensor[]): readonly string[] {
  return scanned.flatMap(({ name, zeroRows, repeatedRows, rows }) => [
    ...(zeroRows.length === 0
      ? []
      : [`${name}: ${zeroRows.length} of ${rows} rows are zeros: ${listed(zeroRows, LISTED)}`]),
    ...(repeatedRows.length === 0
      ? []
      : [
          `${name}: ${repeatedRows.length} of ${rows} rows repeat an earlier one: ${listed(repeatedRows, LISTED)}`,
        ]),
  ]);
}
