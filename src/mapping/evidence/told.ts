import { WbError } from "../../errors/wb-error.ts";
import { namePattern } from "../../formats/names/glob.ts";
import { shownName } from "../../tensor/shown-name.ts";
import type { Checkpoint } from "../../tensor/table.ts";

/** What a user says of tensors for which nothing else speaks. */
export interface ToldOptions {
  /** Patterns of names that are transposed. */
  readonly transpose?: readonly string[] | undefined;
  /** Patterns of names that stay as stored. */
  readonly keep?: readonly string[] | undefined;
}

export interface Told {
  /** What was said of a tensor; undefined where nothing was. */
  of(name: string): { readonly transposed: boolean; readonly text: string } | undefined;
}

/** @throws WbError WB2711 for a pattern that fits nothing, or what has no two axes; or where two say otherwise of one tensor. */
export function toldOf(options: ToldOptions, checkpoint: Checkpoint): Told {
  const said = new Map<string, { transposed: boolean; text: string }>();
  for (const option of ["transpose", "keep"] as const) {
    for (const pattern of options[option] ?? []) {
      const names = namePattern(pattern);
      const text = `--${option} ${pattern}`;
      const fitting = checkpoint.tensors.filter(({ name }) => names.match(name) !== undefined);
      if (fitting.length === 0)
        throw wrong(text, `${checkpoint.path}: ${text} fits no tensor's name`);
      const transposed = option === "transpose";
      for (const { name, shape } of fitting) {
        const before = said.get(name);
        if (before !== undefined && before.transposed !== transposed)
          throw wrong(
            text,
            `${checkpoint.path}: ${shownName(name)} is meant by ${before.text} and by ${text}`,
          );
        // A vector that a pattern meets with its matrix stays what it is.
        if (!transposed || shape.length === 2) said.set(name, { transposed, text });
      }
      if (transposed && fitting.every(({ shape }) => shape.length !== 2))
        throw wrong(text, `${checkpoint.path}: ${text} fits no tensor of two axes`);
    }
  }
  return { of: (name) => said.get(name) };
}

function wrong(option: string, message: string): WbError {
  return new WbError("WB2711", message, {
    details: { option },
    hint: "`weighbridge inspect` lists the names. A pattern is for the whole name: * stands for any characters.",
  });
}
