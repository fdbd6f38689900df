import type { LearnedOperation } from "../../mapping/learned/statement.ts";
import type { StoredTensor } from "../../tensor/table.ts";
import type { Gathered } from "./gather-rows.ts";

/** Which rows (columns) of source tensors were taken, of those that were taken in parts. */
export class Coverage {
  readonly #marks = new Map<string, Uint8Array>();

  cover({ tensors, runs, axis }: Gathered): void {
    if (axis === "whole") return;
    for (const { of, begin, count, step } of runs) {
      const tensor = tensors[of];
      if (tensor === undefined) continue;
      // Rows of one statement and columns of another would each have to be all of it.
      const key = `${axis} ${tensor.name}`;
      const marks = this.#marks.get(key) ?? new Uint8Array(tensor.shape[axis] ?? 0);
      this.#marks.set(key, marks);
      for (let at = 0; at < count; at++) marks[begin + at * step] = 1;
    }
  }

  coverAll({ name }: StoredTensor): void {
    for (const axis of AXES) this.#marks.delete(`${axis} ${name}`);
  }

  isWhole({ name }: StoredTensor): boolean {
    const all = AXES.flatMap((axis) => this.#marks.get(`${axis} ${name}`) ?? []);
    return all.length === 0 || all.some((marks) => marks.every((mark) => mark === 1));
  }

  /** Whether an operation takes the first rows of a tensor in their order, and more than half of them, but not all. */
  isHead(
    tensor: StoredTensor,
    { axis, runs }: Extract<LearnedOperation, { kind: "gather" }>,
  ): boolean {
    const [run, ...more] = runs;
    const size = tensor.shape[axis] ?? 0;
    return (
      run !== undefined &&
      more.length === 0 &&
      run.begin === 0 &&
      run.step === 1 &&
      run.count < size &&
      run.count > size / 2
    );
  }
}

const AXES = [0, 1] as const;
