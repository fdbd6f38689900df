import type { ModelConfig } from "../../../model/config/model-config.ts";
import { EMBEDDINGS } from "../../../model/network.ts";
import { listed } from "../../listed.ts";
import { largest } from "../../compare/run-model.ts";
import type { HostTensor } from "../../compare/model-runner.ts";
import { sizeOf } from "../hypotheses/tensor-edits.ts";
import { fall, type Diagnosis } from "../diagnosis.ts";
import type { GoldenPrompt } from "../../golden/read.ts";
import type { Beside } from "./local-lab.ts";

/** Share of the vocabulary that damaged rows stay below. */
const FEW_ROWS = 0.05;

/** Share of a prompt's largest departure that its first one has at least: positions that are rotated wrongly depart little by little. */
const SHARP = 0.05;

/** How many times the noise it is at least: small departures of queries or keys pass the noise now at one token, now at another. */
const JUMP = 16;

/** Rows that a message lists. */
const LISTED = 6;

/** The tokens that logits blame. */
export interface WrongTokens {
  /** Tokens from which on the logits of every prompt that has them are wrong. */
  readonly read: readonly number[];
  /** Tokens whose own logits are wrong where all others are right: of a head that is the embeddings. */
  readonly written: readonly number[];
}

/**
 * Tokens whose embeddings are wrong, from logits alone: those of every prompt are right up to the first of them, and wrong from
 * there; prompts without any are right to their end. Where the head is the embeddings, their columns are wrong everywhere.
 * @param noise What logits may differ by.
 * @returns undefined where something else than rows of the embeddings may be the reason.
 */
export function wrongTokens(
  outputs: readonly Beside[],
  prompts: readonly Pick<GoldenPrompt, "ids" | "positions">[],
  {
    vocabSize,
    tieWordEmbeddings,
    experts,
  }: Pick<ModelConfig, "vocabSize" | "tieWordEmbeddings" | "experts">,
  noise: number,
): WrongTokens | undefined {
  // A wrong expert departs from the first token on that takes it, just so.
  if (
    experts !== undefined ||
    !prompts.every(({ ids, positions }) => positions.length === ids.length)
  )
    return undefined;
  const width = (outputs[0]?.reference.length ?? 0) / (prompts[0]?.ids.length ?? 1);
  if (!(width >= 1) || width > vocabSize) return undefined;
  const written = tieWordEmbeddings
    ? wrongColumns(outputs, width, JUMP * noise)
    : new Set<number>();
  if (written.size > FEW_ROWS * vocabSize) return undefined;
  const departures = outputs.map((one) => rowDepartures(one, width, written));
  const rights = departures.map((rows) => {
    const right = rows.findIndex((departure) => !(departure <= noise));
    return right < 0 ? rows.length : right;
  });
  const read = new Set<number>();
  for (const [index, { ids }] of prompts.entries()) {
    const right = rights[index] ?? 0;
    const token = ids[right];
    if (token !== undefined) read.add(token);
  }
  // A row that is wrong where it is written is wrong where it is read, too.
  const wrong = tieWordEmbeddings ? written : read;
  const isConsistent = prompts.every(({ ids }, index) => {
    const first = ids.findIndex((id) => wrong.has(id));
    return first === (rights[index] === ids.length ? -1 : rights[index]);
  });
  if (!isConsistent || (tieWordEmbeddings && ![...read].every((id) => written.has(id))))
    return undefined;
  if (read.size === 0) return written.size === 0 ? undefined : { read: [], written: [...written] };
  return isOfTokens(rights, prompts, departures, noise)
    ? { read: [...read], written: [...written] }
    : undefined;
}

/** Columns that are off by more than a limit at the first token of every prompt. */
function wrongColumns(
  outputs: readonly Beside[],
  width: number,
  limit: number,
): ReadonlySet<number> {
  const columns = Array.from({ length: width }, (_unused, column) => column);
  return new Set(
    columns.filter((column) =>
      outputs.every(
        ({ ours, reference }) =>
          !(Math.abs((ours[column] ?? Number.NaN) - (reference[column] ?? 0)) <= limit),
      ),
    ),
  );
}

/** Whether departures begin at once, after right tokens, and neither at one position of all prompts nor with their length. */
function isOfTokens(
  rights: readonly number[],
  prompts: readonly Pick<GoldenPrompt, "ids">[],
  departures: readonly (readonly number[])[],
  noise: number,
): boolean {
  const begins = rights.filter((right, index) => right < (prompts[index]?.ids.length ?? 0));
  const [first = 0] = begins;
  const isElsewhereRight = rights.some((right) => right > Math.max(1, first));
  const isSharp = rights.every((right, index) => {
    const [begin, ...rest] = departures[index]?.slice(right) ?? [];
    return begin === undefined || begin >= Math.max(JUMP * noise, SHARP * largest(rest));
  });
  return isSharp && (isElsewhereRight || new Set(begins).size > 1) && Math.max(...rights) > 1;
}

/** How far the logits of each position are off, but for those of some columns. */
function rowDepartures(
  { ours, reference }: Beside,
  width: number,
  but: ReadonlySet<number>,
): readonly number[] {
  const rows = Array.from({ length: reference.length / width }, () => 0);
  for (const [index, value] of reference.entries()) {
    if (but.has(index % width)) continue;
    const row = Math.floor(index / width);
    rows[row] = Math.max(rows[row] ?? 0, Math.abs((ours[index] ?? Number.NaN) - value));
  }
  return rows;
}

/** A table with two of its rows in each other's place. */
export function rowsExchanged(table: HostTensor, left: number, right: number): HostTensor {
  const { columns } = sizeOf(table);
  const data = table.data.slice();
  data.set(rowOf(table, right, columns), left * columns);
  data.set(rowOf(table, left, columns), right * columns);
  return { shape: table.shape, data };
}

function rowOf({ data }: HostTensor, row: number, columns: number): Float32Array {
  return data.subarray(row * columns, (row + 1) * columns);
}

/**
 * What is said of them: two rows that stand in each other's place, rows of zeros, or rows that are not the reference's.
 * @param exchanged How far logits are with two rows of the table exchanged.
 */
export async function describeTokens(
  { read, written }: WrongTokens,
  table: HostTensor,
  exchanged: (left: number, right: number) => Promise<number>,
  { before, noise }: { readonly before: number; readonly noise: number },
): Promise<Diagnosis> {
  const rows = [...new Set([...read, ...written])].toSorted((left, right) => left - right);
  const but = written.length === 0 ? "" : `but for those of tokens ${listed(written, LISTED)}, `;
  const where =
    read.length === 0
      ? `of every prompt, the logits of tokens ${listed(rows, LISTED)} alone are wrong, and the head is the embeddings`
      : `${but}the logits of every prompt are right before tokens ${listed(read, LISTED)}, and first wrong at them`;
  const [left, right, ...more] = rows;
  if (left !== undefined && right !== undefined && more.length === 0) {
    const after = await exchanged(left, right);
    if (after <= noise)
      return {
        cause: "row-shifted",
        tensors: [EMBEDDINGS],
        evidence: `${where}: rows ${left} and ${right} of the embeddings stand in each other's place; ${fall(before, after)}`,
        claims: [
          {
            tensor: EMBEDDINGS,
            kind: "in-rows",
            rows: [left, right],
            others: [right, left],
            statement: { kind: "equal" },
          },
        ],
        before,
        after,
      };
  }
  const { columns } = sizeOf(table);
  const zeros = rows.filter((row) => rowOf(table, row, columns).every((value) => value === 0));
  const lost = zeros.length === 0 ? "" : `; rows of zeros: ${listed(zeros, LISTED)}`;
  const differ = { tensor: EMBEDDINGS, kind: "rows-differ", rows, all: false } as const;
  const empty = {
    tensor: EMBEDDINGS,
    kind: "zero-lines-here",
    axis: "rows",
    lines: zeros,
  } as const;
  return {
    cause: "corrupt",
    tensors: [EMBEDDINGS],
    evidence: `${where}: those rows of the embeddings are not the reference's${lost}`,
    claims: zeros.length === 0 ? [differ] : [differ, empty],
    before,
  };
}
