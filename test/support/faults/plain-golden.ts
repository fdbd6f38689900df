import { writeSafetensors, type TensorToWrite } from "../../../src/formats/safetensors/save.ts";
import type { Base } from "./bases.ts";
import { Draws } from "./draws.ts";
import { plainForward, type PlainSpec } from "./plain-decoder.ts";

/** Tokens of each prompt: every base has at least 64 positions. */
const LENGTHS = [1, 9, 20, 24];

export function promptsOf(vocab: number): readonly (readonly number[])[] {
  const draws = new Draws(3);
  // Token 1 first, as a beginning-of-sequence id is.
  return LENGTHS.map((length) =>
    Array.from({ length }, (_unused, at) => (at === 0 ? 1 : draws.below(vocab))),
  );
}

/** A golden of a base as it is meant to be, computed in float64 and stored in float32, as transformers' are. */
export async function writePlainGolden(
  path: string,
  { model, vocab }: Base,
  spec: PlainSpec,
  withStates: boolean,
): Promise<void> {
  const known = new Set(model.names());
  const get = (name: string): ReturnType<typeof model.get> | undefined =>
    known.has(name) ? model.get(name) : undefined;
  const tensors: TensorToWrite[] = [];
  for (const [index, ids] of promptsOf(vocab).entries()) {
    const { states, logits } = plainForward(spec, get, ids);
    const add = (name: string, shape: readonly number[], data: Float64Array): void => {
      tensors.push({
        name: `prompt.${index}.${name}`,
        dtype: "F32",
        shape,
        bytes: Buffer.from(Float32Array.from(data).buffer),
      });
    };
    const bytes = Buffer.from(Int32Array.from(ids).buffer);
    tensors.push({ name: `prompt.${index}.input_ids`, dtype: "I32", shape: [ids.length], bytes });
    add("logits", [ids.length, vocab], logits);
    if (withStates)
      for (const [layer, state] of states.entries())
        add(`hidden_states.${layer}`, [ids.length, spec.hidden], state);
  }
  await writeSafetensors(
    path,
    tensors,
    new Map([
      ["producer", "plain float64"],
      ["dtype", "float32"],
    ]),
  );
}
