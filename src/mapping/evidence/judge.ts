import type { LinearLayout } from "../../model/parameter.ts";
import { isLinearWord, isTableWord } from "../../model/unknown-names.ts";
import { renderShape } from "../../tensor/shape.ts";
import type { StoredTensor } from "../../tensor/table.ts";
import type { LayoutEvidence } from "../layout.ts";
import { splitName, type ModuleTensors } from "./modules.ts";

/** What is known of one tensor without knowing its model. */
export type Judgement =
  /** Both frameworks store it alike. */
  | { readonly kind: "same"; readonly why: string }
  /** A Linear's weight, whose layout it shows itself. */
  | { readonly kind: "linear"; readonly evidence: LayoutEvidence }
  /** A Linear's weight that shows nothing: others of the file must tell. */
  | { readonly kind: "likeOthers"; readonly why: string }
  /** Nothing tells whether it is a Linear's. */
  | { readonly kind: "undecided"; readonly why: string };

/** Paddle's own names of parameters (python/paddle/utils/unique_name.py: the layer's class, a number, and which parameter). */
const PADDLE_LINEAR = /(^|_)linear_\d+\.w_\d+$/;
const PADDLE_TABLE = /(^|_)embedding_\d+\.w_\d+$/;

/** Judges a tensor by its rank, its name, its bias and the name that Paddle gave its parameter. */
export function judge(tensor: StoredTensor, module: ModuleTensors): Judgement {
  const { shape, name } = tensor;
  const [rows = 0, columns = 0] = shape;
  if (shape.length !== 2)
    return {
      kind: "same",
      why:
        shape.length < 2
          ? "a vector or a number: stored alike in both frameworks"
          : `${shape.length} axes: convolutions and their kind are stored alike in both frameworks`,
    };
  const { module: path, key } = splitName(name);
  if (key !== "weight" && key !== "w_0")
    return {
      kind: "same",
      why: `${key} is no Linear's weight: recurrent cells and parameters of their own are stored alike in both frameworks`,
    };
  const bias = module.get(key === "weight" ? "bias" : "b_0");
  const [biasLength] = bias?.shape.length === 1 ? bias.shape : [];
  if (biasLength !== undefined && rows !== columns) {
    const layout = biasLength === columns ? "paddle" : biasLength === rows ? "torch" : undefined;
    if (layout === undefined)
      return {
        kind: "undecided",
        why: `its bias has ${biasLength} values, and neither axis of ${renderShape(shape)} has`,
      };
    const order = layout === "torch" ? "[out, in]" : "[in, out]";
    const why = `shape ${renderShape(shape)} beside a bias of ${biasLength} is ${order}`;
    return { kind: "linear", evidence: { tensor: name, shape, layout, why } };
  }
  const called = tensor.parameterName ?? "";
  if (PADDLE_TABLE.test(called))
    return { kind: "same", why: `Paddle's name of it is ${called}: a table, stored alike` };
  if (PADDLE_LINEAR.test(called))
    return {
      kind: "linear",
      evidence: {
        tensor: name,
        shape,
        layout: "paddle",
        why: `Paddle's name of it is ${called}: a Linear of Paddle's, [in, out]`,
      },
    };
  if (biasLength !== undefined)
    return { kind: "likeOthers", why: `${renderShape(shape)} is square` };
  const word = splitName(path).key;
  if (isTableWord(word))
    return { kind: "same", why: "a table by its name and without a bias: stored alike" };
  if (isLinearWord(word)) return { kind: "likeOthers", why: "it has no bias" };
  return {
    kind: "undecided",
    why: `${renderShape(shape)} without a bias may be a Linear's weight or a table`,
  };
}

/** What tells the layout of Linears that show none themselves, beside those that do. */
export function fileLayout(
  tensors: readonly StoredTensor[],
  format: string,
  word: string | undefined,
): LayoutEvidence | undefined {
  const [first] = tensors;
  if (first === undefined) return undefined;
  const say = (layout: LinearLayout, why: string, tensor = first): LayoutEvidence => ({
    tensor: tensor.name,
    shape: tensor.shape,
    layout,
    why,
  });
  if (format.startsWith("pytorch"))
    return say("torch", "torch.save stores Linear weights as torch has them, [out, in]");
  const columnMajor = tensors.find(({ strides }) => strides[0] === 1 && (strides[1] ?? 1) > 1);
  if (columnMajor !== undefined)
    return say(
      "paddle",
      "stored column-major, as a transposed view of torch's [out, in] is",
      columnMajor,
    );
  if (word === "pt") return say("torch", 'the file says that PyTorch wrote it: format "pt"');
  return undefined;
}
