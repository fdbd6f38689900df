import { WbError } from "../errors/wb-error.ts";
import { renderShape } from "../tensor/shape.ts";
import type { StoredTensor } from "../tensor/table.ts";
import { isBaseLayer, isLowRankFactor } from "../model/adapter-names.ts";
import { nearestName } from "../model/nearest.ts";
import { sourceName } from "./source-groups.ts";

/** One thing that keeps a checkpoint from being the model that its config.json describes. */
export interface MappingProblem {
  readonly kind: "unknown" | "missing" | "shape" | "repeated";
  /** As the file calls it; the model's name of one that is missing or misshapen. */
  readonly tensor: string;
  readonly message: string;
  /** The stored tensors of one that is misshapen. */
  readonly sources?: readonly StoredTensor[];
}

/** A tensor of the model that is not there: its name, and what the file's writer would call it. */
export interface MissingTensor {
  readonly name: string;
  readonly stored: string;
}

/**
 * Names that are compared with each other for likely slips: the time grows with the square, and a file can have any number
 * of names.
 */
const MAX_COMPARED = 64;

/** Problems that a message lists; the rest are counted. */
const MAX_LISTED = 10;

/** Two stored tensors that are the same tensor of the model. */
export function repeatedProblem(kept: StoredTensor, again: StoredTensor): MappingProblem {
  const [name, other] = [sourceName(again), sourceName(kept)];
  return {
    kind: "repeated",
    tensor: name,
    message: `${name} and ${other} are the same tensor of the model`,
  };
}

/** Tensors that the model has not, and those of the model that are not there, each with the name it may be meant for. */
export function nameProblems(
  unknown: readonly StoredTensor[],
  missing: readonly MissingTensor[],
): readonly MappingProblem[] {
  const unknownNames = unknown.slice(0, MAX_COMPARED).map(({ name }) => name);
  const missingNames = missing.slice(0, MAX_COMPARED).map(({ stored }) => stored);
  const suggestion = (name: string, index: number, names: readonly string[]): string => {
    const near = index < MAX_COMPARED ? nearestName(name, names) : undefined;
    return near === undefined ? "" : `; is it ${near}?`;
  };
  return [
    ...unknown.map((tensor, index): MappingProblem => {
      const name = sourceName(tensor);
      const text = `${name} ${renderShape(tensor.shape)} is not a tensor of the model`;
      const message = text + suggestion(tensor.name, index, missingNames);
      return { kind: "unknown", tensor: name, message };
    }),
    ...missing.map(({ name, stored }, index): MappingProblem => {
      const message = `${stored} is missing${suggestion(stored, index, unknownNames)}`;
      return { kind: "missing", tensor: name, message };
    }),
  ];
}

const ADAPTED =
  "An adapter stands in it, not merged: --drop '*lora_*' takes the base without it; peft's merge_and_unload merges it first.";

/** @throws WbError WB3702 that lists all problems, when there are any. */
export function refuseProblems(problems: readonly MappingProblem[], path: string): void {
  if (problems.length === 0) return;
  // A stored tensor may be several of the model's.
  const messages = [...new Set(problems.map(({ message }) => message))];
  const listed = messages.slice(0, MAX_LISTED).map((message) => `  ${message}`);
  const rest = messages.length - listed.length;
  const text = [...listed, ...(rest > 0 ? [`  and ${rest} more`] : [])].join("\n");
  const names = problems.map(({ tensor }) => tensor);
  const isAdapted = names.some(isBaseLayer) && names.some(isLowRankFactor);
  throw new WbError(
    "WB3702",
    `${path}: the tensors are not those that config.json describes:\n${text}`,
    {
      ...(isAdapted ? { hint: ADAPTED } : {}),
      details: {
        path,
        unknown: namesOf(problems, "unknown"),
        missing: namesOf(problems, "missing"),
        shape: namesOf(problems, "shape"),
        repeated: namesOf(problems, "repeated"),
      },
    },
  );
}

function namesOf(
  problems: readonly MappingProblem[],
  kind: MappingProblem["kind"],
): readonly string[] {
  return problems.filter((problem) => problem.kind === kind).map(({ tensor }) => tensor);
}
