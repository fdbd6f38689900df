import { WbError } from "../errors/wb-error.ts";
import { renderShape, sameShape } from "../tensor/shape.ts";
import type { Checkpoint, StoredTensor } from "../tensor/table.ts";
import { familyOf } from "./families.ts";
import type { ModelConfig } from "../model/config/model-config.ts";
import type { RuleGroup } from "./source-groups.ts";
import type { LinearLayout } from "./step.ts";

/** One tensor's word on the layout. */
export interface LayoutEvidence {
  readonly tensor: string;
  readonly shape: readonly number[];
  readonly layout: LinearLayout;
  readonly why: string;
}

export interface LayoutDecision {
  readonly layout: LinearLayout | "unknown";
  /** Empty when nothing says anything. */
  readonly evidence: readonly LayoutEvidence[];
}

/**
 * How the Linear weights of a checkpoint lie, from those whose shape can only be one of the two: q, k, v and o are square
 * in most models and say nothing.
 * @throws WbError WB3703 when two tensors disagree.
 */
export function decideLayout(
  checkpoint: Checkpoint,
  groups: readonly RuleGroup[],
  config: ModelConfig,
): LayoutDecision {
  const evidence = groups.flatMap((group) => shapeEvidence(group, config));
  const torch = evidence.filter(({ layout }) => layout === "torch");
  const paddle = evidence.filter(({ layout }) => layout === "paddle");
  const [firstTorch] = torch;
  const [firstPaddle] = paddle;
  if (firstTorch !== undefined && firstPaddle !== undefined) {
    throw new WbError(
      "WB3703",
      `${checkpoint.path}: ${torch.length} Linear weights lie as PyTorch's, ${paddle.length} as Paddle's: ` +
        `${describe(firstTorch)}, but ${describe(firstPaddle)}`,
      {
        details: {
          torch: torch.map(({ tensor }) => tensor),
          paddle: paddle.map(({ tensor }) => tensor),
        },
      },
    );
  }
  const layout = firstTorch?.layout ?? firstPaddle?.layout;
  return layout === undefined
    ? decideWithoutShapes(checkpoint, groups, config)
    : { layout, evidence };
}

function describe({ tensor, shape, layout }: LayoutEvidence): string {
  return `${tensor} is ${renderShape(shape)} (${layout === "torch" ? "[out, in]" : "[in, out]"})`;
}

function shapeEvidence(group: RuleGroup, config: ModelConfig): readonly LayoutEvidence[] {
  const [part] = group.parts;
  if (group.rule.kind !== "make" || part === undefined) return [];
  const shapes = group.rule.layoutShapes?.(config, group.parts.length);
  if (shapes === undefined) return [];
  const isTorch = shapes.torch.some((shape) => sameShape(shape, part.shape));
  const isPaddle = shapes.paddle.some((shape) => sameShape(shape, part.shape));
  if (isTorch === isPaddle) return [];
  const layout = isTorch ? "torch" : "paddle";
  const why = `shape ${renderShape(part.shape)} can only be ${isTorch ? "[out, in]" : "[in, out]"}`;
  return [{ tensor: part.name, shape: part.shape, layout, why }];
}

function say(tensor: StoredTensor, layout: LinearLayout, why: string): LayoutDecision {
  return { layout, evidence: [{ tensor: tensor.name, shape: tensor.shape, layout, why }] };
}

/** What else tells, when every shape could be both; each reason holds one way only. */
function decideWithoutShapes(
  checkpoint: Checkpoint,
  groups: readonly RuleGroup[],
  config: ModelConfig,
): LayoutDecision {
  const matrices = groups.flatMap(({ rule, parts: [part] }) =>
    rule.kind === "make" && rule.layoutShapes !== undefined && part !== undefined ? [part] : [],
  );
  const [first] = matrices;
  if (first === undefined) return { layout: "unknown", evidence: [] };
  if (checkpoint.format.startsWith("pytorch")) {
    return say(first, "torch", "torch.save stores Linear weights as torch has them, [out, in]");
  }
  const columnMajor = matrices.find(({ strides }) => strides[0] === 1 && strides[1] !== 1);
  if (columnMajor !== undefined) {
    return say(
      columnMajor,
      "paddle",
      "stored column-major, as a transposed view of torch's [out, in] is",
    );
  }
  const { paddlePrefix } = familyOf(config.family);
  if (matrices.every(({ name }) => name.startsWith(paddlePrefix))) {
    return say(first, "paddle", "the names are PaddleNLP's, whose Linear weights are [in, out]");
  }
  if (checkpoint.metadata.get("format") === "pt") {
    return say(first, "torch", 'the file says that PyTorch wrote it: format "pt"');
  }
  return { layout: "unknown", evidence: [] };
}
