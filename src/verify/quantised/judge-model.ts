import type { Assembly } from "../../mapping/assembly.ts";
import { sameShape } from "../../tensor/shape.ts";
import { judgePlain, type PlainJudgement } from "./judge-plain.ts";
import { judgeTensor, originalsOf, type JudgeOptions } from "./judge-tensor.ts";
import { isExplained, type TensorJudgement } from "./judgement.ts";
import { isQuantised, storedRows } from "../../mapping/stored-rows.ts";

type Tensors = ReadonlyMap<string, Assembly>;

/** What a quantised model's tensors are beside the original's. */
export interface ModelJudgement {
  readonly quantised: readonly TensorJudgement[];
  readonly plain: readonly PlainJudgement[];
  /** Tensors that could not be judged: one side only, another shape, or quantised along another axis. */
  readonly unjudged: readonly { readonly name: string; readonly why: string }[];
}

/** Names of tensors that the original explains. */
export function explainedNames({ quantised, plain }: ModelJudgement): ReadonlySet<string> {
  return new Set([
    ...quantised.filter(isExplained).map(({ name }) => name),
    ...plain.filter(({ differing }) => differing === 0).map(({ name }) => name),
  ]);
}

/** Judges each tensor of a quantised model by the original's of that name; streams both once. */
export async function judgeModel(
  ours: Tensors,
  reference: Tensors,
  options: JudgeOptions,
): Promise<ModelJudgement> {
  const quantised: TensorJudgement[] = [];
  const plain: PlainJudgement[] = [];
  const unjudged: { name: string; why: string }[] = [];
  for (const [name, assembly] of ours) {
    const other = reference.get(name);
    if (other === undefined) unjudged.push({ name, why: "the original has no such tensor" });
    else if (!sameShape(assembly.shape, other.shape))
      unjudged.push({
        name,
        why: `its shape is [${assembly.shape.join(", ")}], the original's [${other.shape.join(", ")}]`,
      });
    else if (!isQuantised(assembly))
      plain.push(await judgePlain(name, assembly, other, options.signal));
    else {
      const rows = storedRows(assembly);
      if (rows === undefined) unjudged.push({ name, why: "its rows are no whole blocks" });
      else quantised.push(await judgeTensor(name, rows, originalsOf(other), options));
    }
  }
  for (const name of reference.keys())
    if (!ours.has(name)) unjudged.push({ name, why: "the quantised file has no such tensor" });
  return { quantised, plain, unjudged };
}
