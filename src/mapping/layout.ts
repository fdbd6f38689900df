import { WbError } from "../errors/wb-error.ts";
import type { ModelConfig } from "../model/config/model-config.ts";
import { familyOf } from "../model/families.ts";
import { PADDLE_WRITERS } from "../model/names/paddle-writers.ts";
import type { LinearLayout, TensorClass } from "../model/parameter.ts";
import { renderShape, sameShape } from "../tensor/shape.ts";
import type { Checkpoint, StoredTensor } from "../tensor/table.ts";
import { layoutShapesOf } from "./read-statement.ts";
import type { NameGroup } from "./source-groups.ts";

/** One tensor's word on the layout. */
export interface LayoutEvidence {
  readonly tensor: string;
  readonly shape: readonly number[];
  readonly layout: LinearLayout;
  readonly why: string;
}

export interface LayoutDecision {
  /** That of the Linear weights inside the layers. */
  readonly layout: LinearLayout | "unknown";
  /** That of the head, which PaddleFormers alone stores otherwise than the others. */
  readonly headLayout: LinearLayout | "unknown";
  /** That of the matrices that choose experts, where their shapes tell it: PaddleFormers stores those of GLM-4.5 as torch does. */
  readonly routerLayout?: LinearLayout;
  /** Empty when nothing says anything. */
  readonly evidence: readonly LayoutEvidence[];
  /** What tells the head's layout, where it is not that of the Linears. */
  readonly headEvidence?: LayoutEvidence;
}

/** A weight whose layout must be told, with what its shape says. */
interface Matrix {
  readonly class: TensorClass;
  readonly tensor: StoredTensor;
  readonly evidence: LayoutEvidence | undefined;
}

/**
 * How the Linear weights of a checkpoint are stored, from those whose shape can only be one of the two: q, k, v and o are
 * square in most models and say nothing. The head is judged by itself.
 * @param told What is believed of the Linear weights without evidence.
 * @throws WbError WB3703 when two tensors disagree as no writer of the family stores them.
 */
export function decideLayout(
  checkpoint: Checkpoint,
  groups: readonly NameGroup[],
  config: ModelConfig,
  told?: LinearLayout,
): LayoutDecision {
  const all = groups.flatMap((group) => matrixOf(group, config));
  const routers = all.flatMap((matrix) =>
    matrix.class === "router" ? (matrix.evidence ?? []) : [],
  );
  const [router] = routers;
  if (routers.some(({ layout }) => layout !== router?.layout))
    throw contradiction(checkpoint, routers);
  const decision = decideLinears(
    checkpoint,
    all.filter((matrix) => matrix.class !== "router"),
    config,
    told,
  );
  return router === undefined ? decision : { ...decision, routerLayout: router.layout };
}

function decideLinears(
  checkpoint: Checkpoint,
  matrices: readonly Matrix[],
  config: ModelConfig,
  told: LinearLayout | undefined,
): LayoutDecision {
  const heads = matrices.filter((matrix) => matrix.class === "head");
  const others = matrices.filter((matrix) => matrix.class !== "head");
  const headShape = heads.find(({ evidence }) => evidence !== undefined)?.evidence;
  const mixes = (layout: LinearLayout): boolean =>
    headShape !== undefined && writesSo(config, layout, headShape.layout);
  if (told !== undefined) {
    const headLayout = headShape !== undefined && mixes(told) ? headShape.layout : told;
    return { layout: told, headLayout, evidence: [] };
  }
  const evidence = others.flatMap((matrix) => matrix.evidence ?? []);
  const all = matrices.flatMap((matrix) => matrix.evidence ?? []);
  const [first] = evidence;
  if (first === undefined) return decideBesideShapes(checkpoint, matrices, headShape, config);
  const agree = evidence.every(({ layout }) => layout === first.layout);
  if (!agree || (headShape !== undefined && !mixes(first.layout)))
    throw contradiction(checkpoint, all);
  if (headShape === undefined) {
    const headLayout = headBesideShape(first.layout, heads, others, config);
    return { layout: first.layout, headLayout, evidence: all };
  }
  if (headShape.layout === first.layout)
    return { layout: first.layout, headLayout: first.layout, evidence: all };
  const headLayout = headShape.layout;
  return { layout: first.layout, headLayout, evidence, headEvidence: headShape };
}

/** Whether some writer of the family stores Linears and head so. */
function writesSo(config: ModelConfig, linear: LinearLayout, head: LinearLayout): boolean {
  if (linear === head) return true;
  return Object.values(familyOf(config.family).names).some(
    ({ transposed }) =>
      transposed.has("linear") === (linear === "paddle") &&
      transposed.has("head") === (head === "paddle"),
  );
}

function contradiction(checkpoint: Checkpoint, evidence: readonly LayoutEvidence[]): WbError {
  const torch = evidence.filter(({ layout }) => layout === "torch");
  const paddle = evidence.filter(({ layout }) => layout === "paddle");
  const [firstTorch] = torch;
  const [firstPaddle] = paddle;
  if (firstTorch === undefined || firstPaddle === undefined)
    return new WbError("WB7001", `${checkpoint.path}: a contradiction of one side`);
  return new WbError(
    "WB3703",
    `${checkpoint.path}: ${torch.length} Linear weights have PyTorch's layout, ${paddle.length} Paddle's: ` +
      `${describe(firstTorch)}, but ${describe(firstPaddle)}`,
    {
      details: {
        path: checkpoint.path,
        torch: torch.map(({ tensor }) => tensor),
        paddle: paddle.map(({ tensor }) => tensor),
      },
    },
  );
}

function describe({ tensor, shape, layout }: LayoutEvidence): string {
  return `${tensor} is ${renderShape(shape)} (${layout === "torch" ? "[out, in]" : "[in, out]"})`;
}

function matrixOf({ reading, parts }: NameGroup, config: ModelConfig): readonly Matrix[] {
  const [part] = parts;
  if (reading.kind !== "make" || part === undefined) return [];
  const [statement] = reading.statements;
  const [parameter] = statement?.canonical ?? [];
  if (statement === undefined || parameter === undefined) return [];
  const shapes = layoutShapesOf(statement, config, parts.length);
  if (shapes === undefined) return [];
  const isTorch = shapes.torch.some((shape) => sameShape(shape, part.shape));
  const isPaddle = shapes.paddle.some((shape) => sameShape(shape, part.shape));
  const matrix = { class: parameter.class, tensor: part };
  if (isTorch === isPaddle) return [{ ...matrix, evidence: undefined }];
  const layout = isTorch ? "torch" : "paddle";
  const why = `shape ${renderShape(part.shape)} can only be ${isTorch ? "[out, in]" : "[in, out]"}`;
  return [{ ...matrix, evidence: { tensor: part.name, shape: part.shape, layout, why } }];
}

/** The layout of a square head, where Linears have shown theirs; PaddleFormers' names do not tell it from others'. */
function headBesideShape(
  layout: LinearLayout,
  heads: readonly Matrix[],
  others: readonly Matrix[],
  config: ModelConfig,
): LinearLayout | "unknown" {
  if (heads.length === 0 || layout === "torch" || !writesSo(config, layout, "torch")) return layout;
  const isColumnMajor = heads.some(({ tensor }) => isStoredTransposed(tensor));
  return isColumnMajor || hasPaddlenlpNames(others, config) ? "paddle" : "unknown";
}

/** What else tells, when no Linear's shape does; each reason holds one way only. */
function decideBesideShapes(
  checkpoint: Checkpoint,
  matrices: readonly Matrix[],
  head: LayoutEvidence | undefined,
  config: ModelConfig,
): LayoutDecision {
  // A head as Paddle's is never beside Linears as torch's; one as torch's may be beside either.
  const isTold =
    head !== undefined && (head.layout === "paddle" || !writesSo(config, "paddle", "torch"));
  if (isTold) return { layout: head.layout, headLayout: head.layout, evidence: [head] };
  const linears = matrices.filter((matrix) => matrix.class !== "head");
  const [first] = linears.length === 0 ? matrices : linears;
  const say = (tensor: StoredTensor, layout: LinearLayout, why: string): LayoutDecision => ({
    layout,
    headLayout: head?.layout ?? layout,
    evidence: [{ tensor: tensor.name, shape: tensor.shape, layout, why }],
  });
  if (first === undefined) return { layout: "unknown", headLayout: "unknown", evidence: [] };
  if (checkpoint.format.startsWith("pytorch")) {
    if (head !== undefined) return { layout: "torch", headLayout: "torch", evidence: [head] };
    return say(
      first.tensor,
      "torch",
      "torch.save stores Linear weights as torch has them, [out, in]",
    );
  }
  const columnMajor = linears.find(({ tensor }) => isStoredTransposed(tensor));
  if (columnMajor !== undefined) {
    return say(
      columnMajor.tensor,
      "paddle",
      "stored column-major, as a transposed view of torch's [out, in] is",
    );
  }
  if (linears.length > 0 && hasPaddlenlpNames(linears, config)) {
    return say(
      first.tensor,
      "paddle",
      "the names are those of Paddle's programs, whose Linear weights are [in, out]",
    );
  }
  if (checkpoint.metadata.get("format") === "pt") {
    return say(first.tensor, "torch", 'the file says that PyTorch wrote it: format "pt"');
  }
  if (head !== undefined && linears.length === 0)
    return { layout: head.layout, headLayout: head.layout, evidence: [head] };
  return { layout: "unknown", headLayout: head?.layout ?? "unknown", evidence: [] };
}

function isStoredTransposed({ strides }: StoredTensor): boolean {
  return strides[0] === 1 && strides[1] !== 1;
}

function hasPaddlenlpNames(matrices: readonly Matrix[], config: ModelConfig): boolean {
  const { names } = familyOf(config.family);
  const prefixes = PADDLE_WRITERS.flatMap((writer) => names[writer]?.prefix ?? []).filter(
    (prefix) => prefix !== names.huggingface.prefix,
  );
  return prefixes.some((prefix) => matrices.every(({ tensor }) => tensor.name.startsWith(prefix)));
}
