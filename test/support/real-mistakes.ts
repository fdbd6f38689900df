import {
  closeSync,
  cpSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import type { Cause } from "../../src/verify/diagnose/diagnosis.ts";
import { isRecord } from "./is-record.ts";

/** SmolLM2-135M's sizes. */
const LAYERS = Array.from({ length: 30 }, (_unused, layer) => layer);
const HEAD_DIM = 64;
const EMBED = "model.embed_tokens.weight";

function numbersIn(value: unknown): readonly number[] | undefined {
  return Array.isArray(value) ? value.map(Number) : undefined;
}

interface Place {
  readonly shape: readonly number[];
  readonly begin: number;
  readonly elements: number;
}

/** A copy of a converted folder in float32 whose tensors are changed where they stand, and put back. */
export class RealModel {
  readonly folder: string;
  readonly #right: string;
  readonly #places = new Map<string, Place>();
  readonly #touched = new Set<string>();

  constructor(right: string, folder: string) {
    this.#right = right;
    this.folder = folder;
    cpSync(right, folder, { recursive: true });
    // It says what the values were.
    rmSync(join(folder, "weighbridge.manifest.json"), { force: true });
    const file = openSync(join(right, "model.safetensors"), "r");
    const size = Buffer.alloc(8);
    readSync(file, size, 0, 8, 0);
    const text = Buffer.alloc(Number(size.readBigUInt64LE()));
    readSync(file, text, 0, text.length, 8);
    closeSync(file);
    const header: unknown = JSON.parse(text.toString());
    for (const [name, facts] of Object.entries(isRecord(header) ? header : {})) {
      const [shape, offsets] = isRecord(facts)
        ? [numbersIn(facts["shape"]), numbersIn(facts["data_offsets"])]
        : [];
      const [begin, end] = offsets ?? [];
      if (shape === undefined || begin === undefined || end === undefined) continue;
      const elements = (end - begin) / 4;
      this.#places.set(name, { shape, begin: 8 + text.length + begin, elements });
    }
  }

  shape(name: string): readonly number[] {
    return this.#place(name).shape;
  }

  /** The right values. */
  read(name: string): Float32Array {
    const { begin, elements } = this.#place(name);
    const bytes = Buffer.alloc(4 * elements);
    const file = openSync(join(this.#right, "model.safetensors"), "r");
    readSync(file, bytes, 0, bytes.length, begin);
    closeSync(file);
    return new Float32Array(bytes.buffer, bytes.byteOffset, elements);
  }

  write(name: string, values: Float32Array): void {
    const { begin } = this.#place(name);
    const file = openSync(join(this.folder, "model.safetensors"), "r+");
    writeSync(
      file,
      new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
      0,
      values.byteLength,
      begin,
    );
    closeSync(file);
    this.#touched.add(name);
  }

  edit(name: string, work: (values: Float32Array) => void): void {
    const values = this.read(name);
    work(values);
    this.write(name, values);
  }

  exchange(left: string, right: string): void {
    const [a, b] = [this.read(left), this.read(right)];
    this.write(left, b);
    this.write(right, a);
  }

  /** Row i becomes row order(i). */
  reorder(name: string, order: (row: number) => number): void {
    const [rows = 1, columns = 1] = this.shape(name);
    const values = this.read(name);
    const moved = new Float32Array(values.length);
    for (let row = 0; row < rows; row++) {
      const begin = order(row) * columns;
      moved.set(values.subarray(begin, begin + columns), row * columns);
    }
    this.write(name, moved);
  }

  configure(change: Readonly<Record<string, unknown>>): void {
    const config: unknown = JSON.parse(readFileSync(join(this.#right, "config.json"), "utf8"));
    if (!isRecord(config)) throw new Error("config.json is no object");
    writeFileSync(join(this.folder, "config.json"), JSON.stringify({ ...config, ...change }));
  }

  /** Puts everything right again. */
  restore(): void {
    for (const name of this.#touched) this.write(name, this.read(name));
    this.#touched.clear();
    cpSync(join(this.#right, "config.json"), join(this.folder, "config.json"));
  }

  #place(name: string): Place {
    const place = this.#places.get(name);
    if (place === undefined) throw new Error(`no tensor ${name}`);
    return place;
  }
}

/** One mistake in a real model, and what it must be called first. */
export interface RealMistake {
  readonly name: string;
  readonly cause: Cause;
  /** Tensors to blame; none where it is a setting. */
  readonly tensors: readonly string[];
  /** Makes it. */
  make(model: RealModel): void;
}

const at = (layer: number, module: string): string => `model.layers.${layer}.${module}.weight`;
const everywhere = (...modules: readonly string[]): readonly string[] =>
  LAYERS.flatMap((layer) => modules.map((module) => at(layer, module)));
const MATRICES = [
  ...["q_proj", "k_proj", "v_proj", "o_proj"].map((name) => `self_attn.${name}`),
  ...["gate_proj", "up_proj", "down_proj"].map((name) => `mlp.${name}`),
];
const LAYER_MODULES = [...MATRICES, "input_layernorm", "post_attention_layernorm"];

/** Row of interleaved rotary pairs where halves were. */
function interleaved(row: number): number {
  const index = row % HEAD_DIM;
  const half = HEAD_DIM / 2;
  return row - index + (index % 2 === 0 ? index / 2 : half + (index - 1) / 2);
}

function transpose(values: Float32Array): void {
  const size = Math.sqrt(values.length);
  const old = values.slice();
  for (let index = 0; index < old.length; index++)
    values[index] = old[(index % size) * size + Math.floor(index / size)] ?? Number.NaN;
}

/** Symmetric, one scale a row. */
function roundToInt8(values: Float32Array, columns: number): void {
  for (let begin = 0; begin < values.length; begin += columns) {
    const row = values.subarray(begin, begin + columns);
    const step = row.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / 127;
    for (const [index, value] of row.entries()) row[index] = Math.round(value / step) * step;
  }
}

const inEach = (
  name: string,
  cause: Cause,
  tensors: readonly string[],
  make: (model: RealModel, tensor: string) => void,
): RealMistake => ({
  name,
  cause,
  tensors,
  make: (model) => {
    for (const tensor of tensors) make(model, tensor);
  },
});

/** The token whose embedding is lost stands in the prompts. */
const LOST_TOKEN = 282;

export const REAL_MISTAKES: readonly RealMistake[] = [
  inEach(
    "q and k left permuted for rotary pairs",
    "rotary-permuted",
    everywhere("self_attn.q_proj", "self_attn.k_proj"),
    (model, tensor) => {
      model.reorder(tensor, interleaved);
    },
  ),
  {
    name: "theta 1e4 for 1e5",
    cause: "config-mismatch",
    tensors: [],
    make: (model) => {
      model.configure({ rope_theta: 10_000 });
    },
  },
  {
    name: "eps 1e-6 for 1e-5",
    cause: "config-mismatch",
    tensors: [],
    make: (model) => {
      model.configure({ rms_norm_eps: 1e-6 });
    },
  },
  inEach("o_proj transposed", "transposed", everywhere("self_attn.o_proj"), (model, tensor) => {
    model.edit(tensor, transpose);
  }),
  {
    name: "gate and up swapped in layer 10",
    cause: "swapped",
    tensors: [at(10, "mlp.gate_proj"), at(10, "mlp.up_proj")],
    make: (model) => {
      model.exchange(at(10, "mlp.gate_proj"), at(10, "mlp.up_proj"));
    },
  },
  {
    name: "layers 3 and 4 swapped",
    cause: "swapped",
    tensors: [3, 4].flatMap((layer) => LAYER_MODULES.map((module) => at(layer, module))),
    make: (model) => {
      for (const module of LAYER_MODULES) model.exchange(at(3, module), at(4, module));
    },
  },
  inEach(
    "key heads rolled by one",
    "head-order",
    everywhere("self_attn.k_proj"),
    (model, tensor) => {
      const [rows = 1] = model.shape(tensor);
      model.reorder(tensor, (row) => (row + HEAD_DIM) % rows);
    },
  ),
  inEach("matrices rounded through int8", "cast", everywhere(...MATRICES), (model, tensor) => {
    const [, columns = 1] = model.shape(tensor);
    model.edit(tensor, (values) => {
      roundToInt8(values, columns);
    });
  }),
  inEach("one embedding row of zeros", "corrupt", [EMBED], (model, tensor) => {
    const [, columns = 1] = model.shape(tensor);
    model.edit(tensor, (values) =>
      values.fill(0, LOST_TOKEN * columns, (LOST_TOKEN + 1) * columns),
    );
  }),
  inEach("a norm of ones", "corrupt", [at(7, "input_layernorm")], (model, tensor) => {
    model.edit(tensor, (values) => values.fill(1));
  }),
  inEach("a hole of 4096 zeros", "corrupt", [at(12, "mlp.down_proj")], (model, tensor) => {
    model.edit(tensor, (values) => values.fill(0, 300_123, 304_219));
  }),
];
