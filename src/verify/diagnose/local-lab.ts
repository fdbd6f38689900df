import type { ModelConfig } from "../../model/config/model-config.ts";
import type { Golden, GoldenPrompt } from "../golden/read.ts";
import { firstColumns } from "../golden/vocabulary.ts";
import { maxDifference } from "../compare/metrics.ts";
import {
  overrideWith,
  type HostTensor,
  type Laboratory,
  type RunnerStates,
} from "../compare/model-runner.ts";
import { largest } from "../compare/run-model.ts";
import { Shaker } from "../compare/shaken.ts";
import type { ComputeKind } from "../compare/tolerance.ts";
import type { Read, ReadBits } from "./hypothesis.ts";
import { bitsReader } from "./read-bits.ts";

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

/** Measures one part of a model on the golden's own states, so that what is wrong before it does not count. */
export class LocalLab {
  readonly laboratory: Laboratory;
  readonly #prompts: readonly GoldenPrompt[];
  readonly #cache = new Map<string, Promise<HostTensor>>();

  /** @param golden With hidden states. */
  constructor(laboratory: Laboratory, golden: Golden) {
    this.laboratory = laboratory;
    this.#prompts = golden.prompts.filter(
      ({ hiddenStates }) => hiddenStates.length === laboratory.config.layers + 1,
    );
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

  forget(): void {
    this.#cache.clear();
  }

  /** Largest difference of one part from the golden, with some parameters or the configuration changed. */
  async difference(part: Part, changes?: Changes, config?: ModelConfig): Promise<number> {
    return largest(
      (await this.outputs(part, changes, config)).map(({ ours, reference }) =>
        maxDifference(ours, reference),
      ),
    );
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

  /** What one part makes of the golden's states, beside what it should make. */
  async outputs(
    part: Part,
    changes?: Changes,
    config?: ModelConfig,
    change: (states: readonly RunnerStates[]) => readonly RunnerStates[] = (states) => states,
  ): Promise<readonly { readonly ours: Float32Array; readonly reference: Float32Array }[]> {
    const override = changes === undefined ? undefined : overrideWith(changes);
    const runner = await this.laboratory.open(override, config);
    try {
      const { layers } = this.laboratory.config;
      switch (part.kind) {
        case "embeddings": {
          const states = await runner.embed(this.#prompts.map(({ ids }) => ids));
          return this.#beside(states, 0);
        }
        case "layer": {
          const states = await runner.runLayer(part.index, change(this.#states(part.index)));
          const isLast = part.index === layers - 1;
          return this.#beside(isLast ? await runner.finalNorm(states) : states, part.index + 1);
        }
        case "head": {
          const logits = await runner.head(
            change(this.#states(layers)),
            this.#prompts.map(({ positions }) => positions),
          );
          return this.#prompts.map((prompt, index) => ({
            ours: firstColumns(
              logits[index] ?? new Float32Array(0),
              runner.vocabSize,
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

  #states(layer: number): readonly RunnerStates[] {
    return this.#prompts.map(({ hiddenStates, ids }) => ({
      data: hiddenStates[layer] ?? new Float32Array(0),
      tokens: ids.length,
    }));
  }

  #beside(
    states: readonly RunnerStates[],
    layer: number,
  ): readonly { readonly ours: Float32Array; readonly reference: Float32Array }[] {
    return this.#prompts.map(({ hiddenStates }, index) => ({
      ours: states[index]?.data ?? new Float32Array(0),
      reference: hiddenStates[layer] ?? new Float32Array(0),
    }));
  }
}
