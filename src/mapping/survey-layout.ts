import { WbError } from "../errors/wb-error.ts";
import type { ModelConfig } from "../model/config/model-config.ts";
import { FAMILIES, familyOf } from "../model/families.ts";
import { nameReader } from "../model/names/read.ts";
import type { Parameter } from "../model/parameter.ts";
import { renderShape } from "../tensor/shape.ts";
import type { Checkpoint, StoredTensor } from "../tensor/table.ts";
import { decideLayout, type LayoutDecision, type LayoutEvidence } from "./layout.ts";
import { groupSources } from "./source-groups.ts";

/** The layout as far as it can be told, for looking at a checkpoint rather than converting it. */
export interface LayoutSurvey extends LayoutDecision {
  /** Why the layout is unknown, when the tensors contradict each other. */
  readonly problem: WbError | undefined;
}

/**
 * As `decideLayout`, but a contradiction is told instead of thrown, and without a configuration the shapes of
 * well-known tensors are held against the hidden size, which the embeddings and the norms give away.
 */
export function surveyLayout(
  checkpoint: Checkpoint,
  config: ModelConfig | undefined,
): LayoutSurvey {
  if (config === undefined) return surveyByNames(checkpoint.tensors);
  try {
    const { groups } = groupSources(checkpoint.tensors, familyOf(config.family), checkpoint.path);
    return { ...decideLayout(checkpoint, groups, config), problem: undefined };
  } catch (error) {
    if (!(error instanceof WbError)) throw error;
    return { layout: "unknown", headLayout: "unknown", evidence: [], problem: error };
  }
}

/** What a stored name would be, in the families that know it. */
function meanings(name: string): readonly (readonly Parameter[])[] {
  return FAMILIES.flatMap((family) => {
    const reader = nameReader(family);
    const reading = reader.reading(reader.parse(name).pattern);
    return reading?.kind === "make" ? reading.statements.map(({ canonical }) => canonical) : [];
  });
}

/** Linear weights whose input is the hidden state, if any axis of theirs is, and whose output is none in any model we know of. */
function isFromHidden(parameters: readonly Parameter[]): boolean {
  return parameters.every(
    ({ class: kind, axes: [out, input] }) =>
      (kind === "linear" || kind === "head") &&
      (input === "hidden" || input === "embedding") &&
      (out === "ffn" || out === "2·ffn" || out === "vocab"),
  );
}

function surveyByNames(tensors: readonly StoredTensor[]): LayoutSurvey {
  const unknown = {
    layout: "unknown",
    headLayout: "unknown",
    evidence: [],
    problem: undefined,
  } as const;
  const norm = tensors.find(
    ({ name, shape }) =>
      shape.length === 1 && meanings(name).some(([parameter]) => parameter?.role === "finalNorm"),
  );
  const hiddenSize = norm?.shape[0];
  if (hiddenSize === undefined) return unknown;
  const found = tensors.flatMap(
    (tensor): readonly { readonly evidence: LayoutEvidence; readonly isHead: boolean }[] => {
      const { name, shape } = tensor;
      const [rows, columns] = shape;
      if (shape.length !== 2 || rows === columns) return [];
      if (rows !== hiddenSize && columns !== hiddenSize) return [];
      const known = meanings(name);
      if (known.length === 0 || !known.every(isFromHidden)) return [];
      const layout = columns === hiddenSize ? "torch" : "paddle";
      const order = layout === "torch" ? "[out, in]" : "[in, out]";
      const why = `shape ${renderShape(shape)} with hidden size ${hiddenSize} is ${order}`;
      const isHead = known.every(([parameter]) => parameter?.class === "head");
      return [{ evidence: { tensor: name, shape, layout, why }, isHead }];
    },
  );
  const of = (isHead: boolean): readonly LayoutEvidence[] =>
    found.filter((one) => one.isHead === isHead).map((one) => one.evidence);
  const [linears, [head]] = [of(false), of(true)];
  const evidence = linears.length === 0 ? of(true) : linears;
  const [first] = evidence;
  const agree = evidence.every(({ layout }) => layout === first?.layout);
  if (first === undefined || !agree) return unknown;
  const { layout } = first;
  if (head === undefined || head.layout === layout)
    return { ...unknown, layout, headLayout: layout, evidence: found.map((one) => one.evidence) };
  // Linears as torch's beside a head as Paddle's are nobody's.
  if (layout === "torch") return unknown;
  return { ...unknown, layout, headLayout: head.layout, evidence, headEvidence: head };
}
