import { WbError } from "../errors/wb-error.ts";
import { renderShape } from "../tensor/shape.ts";
import type { Checkpoint, StoredTensor } from "../tensor/table.ts";
import { familyOf } from "./families.ts";
import { decideLayout, type LayoutDecision, type LayoutEvidence } from "./layout.ts";
import type { ModelConfig } from "../model/config/model-config.ts";
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
    return { layout: "unknown", evidence: [], problem: error };
  }
}

/** Linear weights whose input is the hidden state, and whose output is none in any model we know of. */
const FROM_HIDDEN = /(?:^|\.)(?:gate_proj|up_proj|lm_head|w1|w2|gate_up_fused_proj)\.weight$/;

function surveyByNames(tensors: readonly StoredTensor[]): LayoutSurvey {
  const unknown: LayoutSurvey = { layout: "unknown", evidence: [], problem: undefined };
  const norm = tensors.find(
    ({ name, shape }) => /(?:^|\.)norm\.weight$/.test(name) && shape.length === 1,
  );
  const hiddenSize = norm?.shape[0];
  if (hiddenSize === undefined) return unknown;
  const evidence = tensors.flatMap((tensor): readonly LayoutEvidence[] => {
    const { name, shape } = tensor;
    const [rows, columns] = shape;
    if (!FROM_HIDDEN.test(name) || shape.length !== 2 || rows === columns) return [];
    if (rows !== hiddenSize && columns !== hiddenSize) return [];
    const layout = columns === hiddenSize ? "torch" : "paddle";
    const order = layout === "torch" ? "[out, in]" : "[in, out]";
    const why = `shape ${renderShape(shape)} with hidden size ${hiddenSize} is ${order}`;
    return [{ tensor: name, shape, layout, why }];
  });
  const [first] = evidence;
  const agree = evidence.every(({ layout }) => layout === first?.layout);
  return first !== undefined && agree ? { ...unknown, layout: first.layout, evidence } : unknown;
}
