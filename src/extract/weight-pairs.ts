import { WbError } from "../errors/wb-error.ts";
import { assemblyOf, wholeView, type Assembly } from "../mapping/assembly.ts";
import { canonicalize } from "../mapping/canonical.ts";
import { targetNaming } from "../mapping/plan.ts";
import { refuseProblems } from "../mapping/problems.ts";
import { writeTensors } from "../mapping/write-statement.ts";
import { familyOf } from "../model/families.ts";
import type { ModelConfig } from "../model/config/model-config.ts";
import { EMBEDDINGS } from "../model/network.ts";
import { isTableWord } from "../model/unknown-names.ts";
import type { OpenedModel } from "../session/open-model.ts";
import { DTYPES } from "../tensor/dtype.ts";
import { renderShape, sameShape } from "../tensor/shape.ts";
import { shownName } from "../tensor/shown-name.ts";
import type { Checkpoint } from "../tensor/table.ts";

/** One tensor of a base, and of the model that was trained from it. */
export interface WeightPair {
  /** As transformers names it where the model is known, else as it is stored. */
  readonly name: string;
  /** Whether it is the weight of a Linear, which is what a LoRA adapter changes. */
  readonly isLinear: boolean;
  /** Whether its module keeps it as [in, out]; here it is [out, in] all the same. */
  readonly isConv1d: boolean;
  /** Whether it is the table of tokens, which a tied head is, too. */
  readonly isEmbedding: boolean;
  readonly base: Assembly;
  readonly tuned: Assembly;
}

/** The same tensors of two versions of a model. @throws WbError WB3715 for what is no such pair, WB3702, WB2701, WB3703. */
export function weightPairs(base: OpenedModel, tuned: OpenedModel): readonly WeightPair[] {
  const config = base.config ?? tuned.config;
  const [left, right] =
    config === undefined
      ? [storedTensors(base.checkpoint), storedTensors(tuned.checkpoint)]
      : [
          namedTensors(base.checkpoint, base.config ?? config),
          namedTensors(tuned.checkpoint, tuned.config ?? config),
        ];
  const problems: string[] = [];
  const pairs: WeightPair[] = [];
  for (const name of new Set([...left.keys(), ...right.keys()])) {
    const [ours, theirs] = [left.get(name), right.get(name)];
    if (ours === undefined || theirs === undefined) {
      problems.push(
        `${shownName(name)}: only ${ours === undefined ? tuned.checkpoint.path : base.checkpoint.path} has it`,
      );
    } else if (!sameShape(ours.assembly.shape, theirs.assembly.shape)) {
      const shapes = [ours, theirs].map(({ assembly }) => renderShape(assembly.shape));
      problems.push(
        `${shownName(name)}: ${shapes[0] ?? ""} in the base, ${shapes[1] ?? ""} in the other`,
      );
    } else if (!hasNumbers(ours.assembly) || !hasNumbers(theirs.assembly)) {
      problems.push(
        `${shownName(name)}: ${ours.assembly.dtype} and ${theirs.assembly.dtype}, of which no difference is computed`,
      );
    } else {
      const { assembly, ...told } = ours;
      pairs.push({ name, ...told, base: assembly, tuned: theirs.assembly });
    }
  }
  if (problems.length > 0) throw notTwoVersions(base.checkpoint, tuned.checkpoint, problems);
  return pairs;
}

const MAX_LISTED = 10;

function notTwoVersions(base: Checkpoint, tuned: Checkpoint, problems: readonly string[]): WbError {
  const listed = problems.slice(0, MAX_LISTED).map((problem) => `  ${problem}`);
  if (problems.length > MAX_LISTED) listed.push(`  and ${problems.length - MAX_LISTED} more`);
  return new WbError(
    "WB3715",
    `${base.path} and ${tuned.path} are no two versions of one model:\n${listed.join("\n")}`,
    { details: { path: tuned.path } },
  );
}

/** Plain real numbers, one an element. */
function hasNumbers({ dtype }: Assembly): boolean {
  const { kind, bits } = DTYPES[dtype];
  return kind !== "complex" && !(kind === "float" && bits < 16);
}

type Side = ReadonlyMap<
  string,
  Pick<WeightPair, "isLinear" | "isConv1d" | "isEmbedding"> & { readonly assembly: Assembly }
>;

/** A known model's tensors as transformers names them. */
function namedTensors(checkpoint: Checkpoint, config: ModelConfig): Side {
  const canonical = canonicalize(checkpoint, config, {});
  refuseProblems(canonical.problems, checkpoint.path);
  const { naming, transposed } = targetNaming({ to: "safetensors" }, familyOf(config.family));
  return new Map(
    writeTensors(canonical.tensors, naming, config).map((tensor) => {
      // A router is a module of its own in transformers, and no Linear.
      const isMatrix = tensor.assembly.shape.length === 2;
      const isLinear = isMatrix && (tensor.class === "linear" || tensor.class === "head");
      const { assembly, name, of } = tensor;
      const isConv1d = isLinear && transposed.has(tensor.class);
      const isEmbedding = of.some(({ spec }) => spec.name === EMBEDDINGS);
      return [name, { assembly, isLinear, isConv1d, isEmbedding }];
    }),
  );
}

/** A model's tensors as they are stored; a matrix that its name does not call a table is taken for a Linear's. */
function storedTensors(checkpoint: Checkpoint): Side {
  if (checkpoint.format === "paddle" || checkpoint.tensors.some(({ rank }) => rank !== undefined))
    throw new WbError(
      "WB2702",
      `${checkpoint.path}: of a model that is not known, adapters are extracted from torch's layout and whole tensors`,
      { hint: "Convert both checkpoints first.", details: { path: checkpoint.path } },
    );
  return new Map(
    checkpoint.tensors.map((tensor) => {
      const [word = "", key] = tensor.name.split(".").slice(-2);
      const isLinear = tensor.shape.length === 2 && key === "weight" && !isTableWord(word);
      const assembly = assemblyOf(wholeView(tensor));
      return [tensor.name, { assembly, isLinear, isConv1d: false, isEmbedding: false }];
    }),
  );
}
