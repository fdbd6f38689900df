import { createHash } from "node:crypto";
import { openTokenizer } from "../../runtime/tokenizer/tokenizer.ts";
import { openSource, planning } from "../../session/open-runtime.ts";
import { packageVersion } from "../../session/package-version.ts";
import type { Questions } from "../data/questions.ts";
import type { EvaluateOptions } from "../options.ts";
import { renderPrompt } from "../prompts/render.ts";
import type { Asked } from "../read-all.ts";
import { weightsDigest } from "../weights-digest.ts";

/** Options that decide what is asked; those that were not given are left out. */
export type PlannedOptions = Pick<
  EvaluateOptions,
  | "tasks"
  | "variant"
  | "turns"
  | "limit"
  | "seed"
  | "maxNewTokens"
  | "maxLength"
  | "skipBad"
  | "tokenizer"
  | "compute"
  | "activations"
>;

/** An evaluation that is to be computed in parts: only what to check, nothing to obey but the options. */
export interface EvalPlan {
  /** The version that made it. */
  readonly weighbridge: string;
  readonly options: PlannedOptions;
  /** As `weightsDigest` tells them. */
  readonly weightsSha256: string;
  /** Of the ids of the first text of each task, and of what the tokenizer puts around. */
  readonly tokenizerSha256: string;
  /** What each task asks: rows, worked examples, templates, marks of turns. */
  readonly tasks: readonly {
    readonly name: string;
    readonly items: number;
    readonly sha256: string;
  }[];
  /** Of all above. */
  readonly planSha256: string;
}

/**
 * What the parts of one evaluation must agree on; reads headers and vectors of the weights alone. Paths of data and model are left
 * out: a shared disk may be mounted elsewhere on each machine.
 */
export async function describeParts(
  path: string,
  asked: Asked,
  options: EvaluateOptions,
): Promise<EvalPlan> {
  const source = await openSource(path, options);
  const [weightsSha256, tokenizer] = await planning(source, async () => [
    await weightsDigest(source.config, source.weights),
    await openTokenizer(source.model.folder, options.tokenizer),
  ]);
  await source.model.checkpoint.close();
  const firsts = asked.questions.map((questions) => tokenizer.encode(firstText(questions, asked)));
  return withDigest({
    weighbridge: packageVersion(),
    options: plannedOptions(options),
    weightsSha256,
    tokenizerSha256: digest([tokenizer.settings, tokenizer.encode(""), firsts]),
    tasks: asked.questions.map((questions) => ({
      name: questions.task.name,
      items: questions.questions.length,
      sha256: digest([questions.way, asked.marks, questions.examples, questions.questions]),
    })),
  });
}

/** @param facts All but the digest, in the order of `EvalPlan`. */
export function withDigest(facts: Omit<EvalPlan, "planSha256">): EvalPlan {
  return { ...facts, planSha256: digest(facts) };
}

export function plannedOptions(options: EvaluateOptions): PlannedOptions {
  const {
    tasks,
    variant,
    turns,
    limit,
    seed,
    maxNewTokens,
    maxLength,
    tokenizer,
    compute,
    activations,
  } = options;
  const skipBad = options.skipBad === true ? true : undefined;
  const limits = { limit, seed, maxNewTokens, maxLength, skipBad };
  return { tasks, variant, turns, ...limits, tokenizer, compute, activations };
}

function firstText({ way, questions, examples }: Questions, { marks }: Asked): string {
  const [first] = questions;
  const choice = way.kind === "ppl" ? [...way.choices.values()][0] : undefined;
  return first === undefined ? "" : renderPrompt(way, first.columns, examples, choice, marks);
}

/** Maps as lists of their entries, which JSON would write as {}. */
function digest(value: unknown): string {
  const text = JSON.stringify(value, (_key, item: unknown) =>
    item instanceof Map ? [...item.entries()] : item,
  );
  return createHash("sha256").update(text).digest("hex");
}
