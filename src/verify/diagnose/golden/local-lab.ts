import type { ModelConfig } from "../../../model/config/model-config.ts";
import type { Golden, GoldenPrompt } from "../../golden/read.ts";
import { firstColumns } from "../../golden/vocabulary.ts";
import { maxDifference } from "../../compare/metrics.ts";
import {
  overrideWith,
  type HostTensor,
  type Laboratory,
  type RunnerStates,
} from "../../compare/model-runner.ts";
import { largest } from "../../compare/run-model.ts";
import { Shaker } from "../../compare/shaken.ts";
import type { ComputeKind } from "../../compare/tolerance.ts";
import type { Read, ReadBits } from "../hypotheses/hypothesis.ts";
import { bitsReader } from "../values/read-bits.ts";

/** Parameters put in place of others, by name. */
export type Changes = ReadonlyMap<string, HostTensor>;

/** A part of the model between two of the golden's states. */
export type Part =
  | { readonly kind: "embeddings" }
  /** Layer `index`; the last one with the final norm, since the golden has no state between them. */
  | { readonly kind: "layer"; readonly index: number }
  | { readonly kind: "head" };

export function describePart(part: Part): string {
  return part.kind === "layer" ? `layer ${part.index}` : part.kind;
}

/** Tokens of a prompt that most mistakes show on: rotary ones need some distance. */
const TELLING_TOKENS = 8;

/** Measures one part of a model on the golden's own states, so that what is wrong before it does not count. */
export class LocalLab {
  readonly laboratory: Laboratory;
  readonly #prompts: readonly GoldenPrompt[];
  /** The prompts' first tokens, each as a prompt of its own. */
  readonly #firsts: readonly GoldenPrompt[];
  readonly #cache = new Map<string, Promise<HostTensor>>();
  /** What the part that is looked at makes as it is. */
  #own: { readonly part: string; readonly outputs: readonly Beside[] } | undefined;

  /** @param golden With hidden states. */
  constructor(laboratory: Laboratory, golden: Golden) {
    this.laboratory = laboratory;
    this.#prompts = golden.prompts.filter(
      ({ hiddenStates }) => hiddenStates.length === laboratory.config.layers + 1,
    );
    const { hiddenSize } = laboratory.config;
    this.#firsts = this.#prompts.map((prompt) => ({
      ...prompt,
      ids: prompt.ids.slice(0, 1),
      hiddenStates: prompt.hiddenStates.map((state) => state.subarray(0, hiddenSize)),
    }));
  }

  get hasStates(): boolean {
    return this.#prompts.length > 0;
  }

  get prompts(): readonly GoldenPrompt[] {
    return this.#prompts;
  }

  /** A parameter, remembered while it is being experimented with. */
  readonly read: Read = (name) => {
    const known = this.#cache.get(name);
    if (known !== undefined) return known;
    const reading = this.laboratory.read(name);
    this.#cache.set(name, reading);
    return reading;
  };

  readonly readBits: ReadBits = (name) => bitsReader(this.laboratory)(name);

  /** Lets go of parameters, before another layer is looked at. */
  forget(): void {
    this.#cache.clear();
    this.#own = undefined;
    this.laboratory.forget();
  }

  /**
   * Largest difference of one part from the golden, with some parameters or the configuration changed.
   * @param limit Prompts are run one after the other, the shortest first, until one is above it.
   * @param isFirstWrong The first token of a prompt shows what is wrong, and is run before the rest.
   */
  async difference(
    part: Part,
    changes?: Changes,
    config?: ModelConfig,
    limit = Number.POSITIVE_INFINITY,
    isFirstWrong = false,
  ): Promise<number> {
    let worst = 0;
    for (const prompts of this.#batches(limit, isFirstWrong && this.#isCausal(part))) {
      const outputs = await this.#outputs(prompts, part, changes, config);
      worst = largest([
        worst,
        ...outputs.map(({ ours, reference }) => maxDifference(ours, reference)),
      ]);
      if (!(worst <= limit)) break;
    }
    return worst;
  }

  /** The same of each prompt, with a configuration of its own. */
  async differences(part: Part, configs: readonly ModelConfig[]): Promise<number> {
    let worst = 0;
    for (const [index, prompt] of this.#prompts.entries()) {
      const outputs = await this.#outputs([prompt], part, undefined, configs[index]);
      const differences = outputs.map(({ ours, reference }) => maxDifference(ours, reference));
      worst = largest([worst, ...differences]);
    }
    return worst;
  }

  /**
   * How far what a layer adds to its states is off, as a share of what it should add, root mean square; of the last layer, which is
   * seen through the final norm alone, of all that comes out.
   */
  async share(layer: number): Promise<number> {
    const outputs = await this.outputs({ kind: "layer", index: layer });
    const isLast = layer === this.laboratory.config.layers - 1;
    let [off, added] = [0, 0];
    for (const [index, { ours, reference }] of outputs.entries()) {
      const before = isLast ? undefined : this.#prompts[index]?.hiddenStates[layer];
      for (const [at, value] of reference.entries()) {
        off += ((ours[at] ?? Number.NaN) - value) ** 2;
        added += (value - (before?.[at] ?? 0)) ** 2;
      }
    }
    return Math.sqrt(off / added);
  }

  /** The same of the first token of each prompt: it attends to nothing but itself, whatever queries and keys are. */
  async firstDifference(part: Part, config?: ModelConfig): Promise<number> {
    const outputs = await this.#outputs(this.#firsts, part, undefined, config);
    return largest(outputs.map(({ ours, reference }) => maxDifference(ours, reference)));
  }

  /** Whether what a part makes of a first token does not depend on the tokens behind it. */
  #isCausal({ kind }: Part): boolean {
    return kind === "layer" && this.laboratory.config.encoder === undefined;
  }

  /** A first token and a short prompt by themselves, then all others, where there is a limit to be above of; else all at once. */
  #batches(limit: number, isFirstWrong: boolean): readonly (readonly GoldenPrompt[])[] {
    if (!Number.isFinite(limit)) return [this.#prompts];
    const firsts = isFirstWrong ? [this.#firsts.slice(0, 1)] : [];
    const byLength = this.#prompts.toSorted((left, right) => left.ids.length - right.ids.length);
    const telling = byLength.find(({ ids }) => ids.length >= TELLING_TOKENS);
    if (telling === undefined || this.#prompts.length < 2) return [...firsts, this.#prompts];
    return [...firsts, [telling], this.#prompts.filter((prompt) => prompt !== telling)];
  }

  /** What one rounding unit on every state that goes into a part makes of what comes out, and of that itself. */
  async shakenNoise(part: Part, compute: ComputeKind): Promise<number> {
    const shaker = new Shaker(compute);
    const own = await this.outputs(part);
    const shaken = await this.outputs(part, undefined, undefined, (states) =>
      states.map((state) => shaker.shake(state)),
    );
    return largest(
      own.map(({ ours }, index) => maxDifference(ours, shaken[index]?.ours ?? new Float32Array(0))),
    );
  }

  /** How far one part moves from what it makes by itself when some parameters are changed. */
  async moved(part: Part, changes: Changes): Promise<number> {
    const [own, changed] = [await this.outputs(part), await this.outputs(part, changes)];
    return largest(
      own.map(({ ours }, index) =>
        maxDifference(ours, changed[index]?.ours ?? new Float32Array(0)),
      ),
    );
  }

  /** What one part makes of the golden's states, beside what it should make; as it is, it runs once until `forget`. */
  async outputs(
    part: Part,
    changes?: Changes,
    config?: ModelConfig,
    change?: (states: readonly RunnerStates[]) => readonly RunnerStates[],
  ): Promise<readonly Beside[]> {
    const name = describePart(part);
    const isOwn = changes === undefined && config === undefined && change === undefined;
    if (isOwn && this.#own?.part === name) return this.#own.outputs;
    const outputs = await this.#outputs(this.#prompts, part, changes, config, change);
    if (isOwn) this.#own = { part: name, outputs };
    return outputs;
  }

  async #outputs(
    prompts: readonly GoldenPrompt[],
    part: Part,
    changes?: Changes,
    config?: ModelConfig,
    change: (states: readonly RunnerStates[]) => readonly RunnerStates[] = (states) => states,
  ): Promise<readonly Beside[]> {
    const override = changes === undefined ? undefined : overrideWith(changes);
    const runner = await this.laboratory.openAgain(override, config);
    try {
      const { layers } = this.laboratory.config;
      switch (part.kind) {
        case "embeddings": {
          const states = await runner.embed(prompts.map(({ ids }) => ids));
          return beside(prompts, states, 0);
        }
        case "layer": {
          const states = await runner.runLayer(part.index, change(statesOf(prompts, part.index)));
          const isLast = part.index === layers - 1;
          return beside(prompts, isLast ? await runner.finalNorm(states) : states, part.index + 1);
        }
        case "head": {
          const logits = await runner.head(
            change(statesOf(prompts, layers)),
            prompts.map(({ positions }) => positions),
          );
          return prompts.map((prompt, index) => ({
            ours: firstColumns(
              logits[index] ?? new Float32Array(0),
              runner.outputWidth,
              prompt.logits.length / prompt.positions.length,
            ),
            reference: prompt.logits,
          }));
        }
        default:
          return part satisfies never;
      }
    } finally {
      await runner.close();
    }
  }
}

/** What a part makes, and what it should make. */
export interface Beside {
  readonly ours: Float32Array;
  readonly reference: Float32Array;
}

function statesOf(prompts: readonly GoldenPrompt[], layer: number): readonly RunnerStates[] {
  return prompts.map(({ hiddenStates, ids }) => ({
    data: hiddenStates[layer] ?? new Float32Array(0),
    tokens: ids.length,
  }));
}

function beside(
  prompts: readonly GoldenPrompt[],
  states: readonly RunnerStates[],
  layer: number,
): readonly Beside[] {
  return prompts.map(({ hiddenStates }, index) => ({
    ours: states[index]?.data ?? new Float32Array(0),
    reference: hiddenStates[layer] ?? new Float32Array(0),
  }));
}
