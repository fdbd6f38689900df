import { Decoder } from "../../src/runtime/model/decoder.ts";
import { forward } from "../../src/runtime/model/forward.ts";
import { LayerwiseModel } from "../../src/runtime/model/layerwise.ts";
import { positionsOfMask } from "../../src/runtime/model/positions.ts";
import type { StepInput, TokenModel } from "../../src/runtime/model/token-model.ts";

/** Rows of logits, one a token, found in one way of asking a model. */
export interface RowWay {
  readonly way: string;
  /** By text and token. */
  readonly rows: readonly {
    readonly text: number;
    readonly token: number;
    readonly logits: Float32Array;
  }[];
}

/** How many rows have other bits than they have as part of their whole text, and how far apart they are at most. */
export interface RowDifferences {
  readonly compared: number;
  readonly differ: number;
  /** Ways in which rows differ, each once. */
  readonly ways: readonly string[];
  readonly largest: number;
}

/** The logits after each token of each text, from one pass of the layers over the whole text. */
export async function wholeTexts(
  decoder: Decoder,
  texts: readonly (readonly number[])[],
): Promise<readonly (readonly Float32Array[])[]> {
  const outputs = await forward(new LayerwiseModel(decoder), texts);
  const { vocabSize } = decoder.config;
  return outputs.map(({ logits }, text) =>
    (texts[text] ?? []).map((_, token) => logits.slice(token * vocabSize, (token + 1) * vocabSize)),
  );
}

/** All ways in which generation asks for rows: prefills of every length, decoding, in parts, in a padded batch. */
export async function eachWay(
  model: TokenModel,
  texts: readonly (readonly number[])[],
): Promise<readonly RowWay[]> {
  return [
    { way: "prefilled", rows: await prefilled(model, texts) },
    { way: "decoded", rows: await inSteps(model, texts, 3, 1) },
    { way: "in parts", rows: await inSteps(model, texts, 2, 5) },
    { way: "in a batch", rows: await together(model, texts) },
    ...(model instanceof Decoder
      ? [{ way: "as branches", rows: await branches(model, texts) }]
      : []),
    // A graph of TensorFlow's holds one text at a time.
    ...(model.stepEach === undefined
      ? []
      : [{ way: "beside others", rows: await beside(model, texts) }]),
  ];
}

/** Holds rows against those of the whole texts. */
export function differencesFrom(
  whole: readonly (readonly Float32Array[])[],
  found: readonly RowWay[],
): RowDifferences {
  let compared = 0;
  let differ = 0;
  let largest = 0;
  const ways = new Set<string>();
  for (const { way, rows } of found) {
    for (const { text, token, logits } of rows) {
      const expected = whole[text]?.[token];
      if (expected === undefined) throw new Error(`text ${text} has no token ${token}`);
      compared++;
      if (sameBits(expected, logits)) continue;
      differ++;
      ways.add(way);
      for (const [index, value] of logits.entries())
        largest = Math.max(largest, Math.abs(value - (expected[index] ?? 0)));
    }
  }
  return { compared, differ, ways: [...ways], largest };
}

function sameBits(left: Float32Array, right: Float32Array): boolean {
  const [a, b] = [bytesOf(left), bytesOf(right)];
  return Buffer.compare(a, b) === 0;
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

type Rows = { text: number; token: number; logits: Float32Array }[];

/** The last token of each beginning of each text. */
async function prefilled(model: TokenModel, texts: readonly (readonly number[])[]): Promise<Rows> {
  const rows: Rows = [];
  for (const [text, ids] of texts.entries()) {
    for (let length = 1; length <= ids.length; length++) {
      const [logits] = await ask(model, 1, [{ ids: [Int32Array.from(ids.slice(0, length))] }]);
      rows.push({ text, token: length - 1, logits: logits?.[0] ?? new Float32Array(0) });
    }
  }
  return rows;
}

/** `first` tokens at once, the rest `size` at a time. */
async function inSteps(
  model: TokenModel,
  texts: readonly (readonly number[])[],
  first: number,
  size: number,
): Promise<Rows> {
  const rows: Rows = [];
  for (const [text, ids] of texts.entries()) {
    const ends: number[] = [];
    for (let end = Math.min(first, ids.length); end < ids.length; end += size) ends.push(end);
    ends.push(ids.length);
    const steps = ends.map((end, index) => ({
      ids: [Int32Array.from(ids.slice(ends[index - 1] ?? 0, end))],
    }));
    for (const [index, [logits]] of (await ask(model, 1, steps)).entries())
      rows.push({ text, token: (ends[index] ?? 0) - 1, logits: logits ?? new Float32Array(0) });
  }
  return rows;
}

/** Texts with caches of their own that join one after the other, a token each a step; some leave while others go on. */
async function beside(model: TokenModel, texts: readonly (readonly number[])[]): Promise<Rows> {
  const rows: Rows = [];
  const caches = texts.map(() => model.createCache(1));
  try {
    for (const [text, ids] of texts.entries()) {
      const begun = Math.min(ids.length, 1 + text);
      const cache = caches[text];
      if (cache === undefined) continue;
      const [logits] = await model.step({ ids: [Int32Array.from(ids.slice(0, begun))] }, cache);
      rows.push({ text, token: begun - 1, logits: (logits ?? new Float32Array(0)).slice() });
    }
    for (let round = 0; ; round++) {
      const going = texts.flatMap((ids, text) => {
        const cache = caches[text];
        // Text n comes in round n.
        const isIn = cache !== undefined && round >= text && cache.length < ids.length;
        return isIn ? [{ text, cache, id: ids[cache.length] ?? 0 }] : [];
      });
      if (going.length === 0 && round >= texts.length) return rows;
      if (going.length === 0) continue;
      const tokens = going.map(({ cache }) => cache.length);
      const logits = (await model.stepEach?.(going)) ?? [];
      for (const [index, { text }] of going.entries())
        rows.push({
          text,
          token: tokens[index] ?? 0,
          logits: (logits[index] ?? new Float32Array(0)).slice(),
        });
    }
  } finally {
    for (const cache of caches) cache.dispose();
  }
}

/**
 * Each text's first half, then its rest three times as branches from places of their own, all in one pass; then the last half of the
 * last text once more, behind what is cached.
 */
async function branches(decoder: Decoder, texts: readonly (readonly number[])[]): Promise<Rows> {
  const placed = texts.flatMap((ids, text) => {
    const half = Math.floor(ids.length / 2);
    const begins = [half, Math.max(1, half - 1), half].filter((begin) => begin < ids.length);
    return [
      { text, begin: 0, end: Math.max(1, half) },
      ...begins.map((begin) => ({
        text,
        begin: Math.min(begin, Math.max(1, half)),
        end: ids.length,
      })),
    ];
  });
  const last = placed.slice(-1);
  const rows: Rows = [];
  const cache = decoder.createCache(1);
  try {
    for (const pass of [placed, last]) {
      const parts = pass.map(({ text, begin, end }) => ({
        ids: Int32Array.from((texts[text] ?? []).slice(begin, end)),
        keep: begin,
      }));
      const states = await decoder.states(parts, cache);
      const normed = await decoder.finalNorm(states);
      const flat = decoder.ops.reshape(normed, [states.shape[1] ?? 0, states.shape[2] ?? 0]);
      const logits = await decoder.head(flat);
      for (const value of [states, normed, flat]) decoder.ops.free(value);
      const { vocabSize } = decoder.config;
      const tokens = pass.flatMap(({ text, begin, end }) =>
        Array.from({ length: end - begin }, (_, index) => ({ text, token: begin + index })),
      );
      for (const [row, token] of tokens.entries())
        rows.push({ ...token, logits: logits.slice(row * vocabSize, (row + 1) * vocabSize) });
    }
    return rows;
  } finally {
    cache.dispose();
  }
}

/** All texts in one batch, filled up on the left; half of the shortest at once, the rest token by token. */
async function together(model: TokenModel, texts: readonly (readonly number[])[]): Promise<Rows> {
  const later = Math.floor(Math.min(...texts.map(({ length }) => length)) / 2);
  const begun = texts.map((ids) => ids.slice(0, ids.length - later));
  const length = Math.max(...begun.map((ids) => ids.length));
  const visible = begun.map((ids) => new Uint8Array(length).fill(1, length - ids.length));
  const padded: StepInput = {
    ids: begun.map((ids) =>
      Int32Array.from([...Array<number>(length - ids.length).fill(0), ...ids]),
    ),
    visible,
    positions: visible.map((row) => positionsOfMask(row)),
  };
  const steps = Array.from({ length: later }, (_, step): StepInput => ({
    ids: texts.map((ids) => Int32Array.of(ids[ids.length - later + step] ?? 0)),
    positions: texts.map((ids) => Int32Array.of(ids.length - later + step)),
    visible: texts.map(() => Uint8Array.of(1)),
  }));
  const all = await ask(model, texts.length, [padded, ...steps]);
  return all.flatMap((logits, step) =>
    logits.map((row, text) => ({
      text,
      token: (texts[text]?.length ?? 0) - later + step - 1,
      logits: row,
    })),
  );
}

async function ask(
  model: TokenModel,
  batch: number,
  steps: readonly StepInput[],
): Promise<readonly (readonly Float32Array[])[]> {
  const cache = model.createCache(batch);
  try {
    const all: (readonly Float32Array[])[] = [];
    for (const step of steps) all.push((await model.step(step, cache)).map((row) => row.slice()));
    return all;
  } finally {
    cache.dispose();
  }
}
