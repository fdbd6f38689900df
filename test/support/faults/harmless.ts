import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { convert } from "../../../src/api/convert.ts";
import { rounded } from "./bases.ts";
import { at, blocks, count, edit, EMBED, HEAD, of, QKV, rows } from "./edits.ts";
import type { Harmless, Mode } from "./fault.ts";

const [, K, V] = QKV;

/** A diff holds stored tensors side by side, and these are of other shapes. */
const RUN: readonly Mode[] = ["pair", "states", "logits"];

/** Changes that leave a model right: none of them may be called a mistake. */
export const HARMLESS: readonly Harmless[] = [
  ...(["internlm", "grouped", "baichuan", "chatglm2", "tied"] as const).flatMap(
    (base): readonly Harmless[] => [
      { name: `${base} as it is`, base, make: () => undefined },
      {
        name: `${base} in float32`,
        base,
        make: (model) => edit(model, model.names(), (t) => ({ ...t, dtype: "F32" })),
      },
      {
        name: `${base} in shards`,
        base,
        make: () => undefined,
        files: (folder) => rewritten(folder, { maxShardSize: 60_000 }),
      },
    ],
  ),
  {
    name: "tensors in another order",
    base: "internlm",
    make: (model) => {
      for (const name of model.names().toReversed()) {
        const values = model.get(name);
        model.delete(name);
        model.set(name, values);
      }
    },
  },
  {
    name: "tied head stored, too",
    base: "tied",
    make: (model) => model.set(HEAD, model.get(EMBED)),
  },
  {
    name: "key-value heads repeated, each beside itself",
    base: "grouped",
    modes: RUN,
    make: (model, base) => {
      model.config["num_key_value_heads"] = 8;
      edit(model, of(model, base, [K, V]), (t) => rows(t, blocks([0, 0, 0, 0, 1, 1, 1, 1], 8)));
    },
  },
  {
    name: "32 rows of zeros more in both tables",
    base: "grouped",
    modes: RUN,
    make: (model) => {
      model.config["vocab_size"] = 416;
      edit(model, [EMBED, HEAD], (t) => ({
        ...t,
        shape: [416, 64],
        data: Float32Array.from({ length: 416 * 64 }, (_unused, index) => t.data[index] ?? 0),
      }));
    },
  },
  {
    name: "16 rows of zeros more in tied embeddings",
    base: "tied",
    modes: RUN,
    make: (model) => {
      model.config["vocab_size"] = 352;
      edit(model, [EMBED], (t) => ({
        ...t,
        shape: [352, 48],
        data: Float32Array.from({ length: 352 * 48 }, (_unused, index) => t.data[index] ?? 0),
      }));
    },
  },
  {
    name: "a stored rotary table beside the weights",
    base: "grouped",
    make: (model, base) => {
      for (const layer of count(6))
        model.set(at(layer, "self_attn.rotary_emb.inv_freq"), {
          shape: [4],
          data: Float32Array.from(base.spec.frequencies),
          dtype: "F32",
        });
    },
  },
  {
    name: "names without model.",
    base: "internlm",
    make: (model) => {
      for (const name of model.names().filter((one) => one.startsWith("model."))) {
        const values = model.get(name);
        model.delete(name);
        model.set(name.slice("model.".length), values);
      }
    },
  },
  {
    name: "names behind a wrapper's prefix",
    base: "grouped",
    make: (model) => {
      for (const name of model.names()) {
        const values = model.get(name);
        model.delete(name);
        model.set(`_orig_mod.${name}`, values);
      }
    },
  },
  {
    name: "pickled by torch's format",
    base: "grouped",
    make: () => undefined,
    files: (folder) => rewritten(folder, { to: "pytorch" }),
  },
  {
    name: "in Paddle's layout",
    base: "internlm",
    make: () => undefined,
    files: (folder) => rewritten(folder, { to: "paddle" }),
  },
  {
    name: "a config with fields that nobody reads",
    base: "tied",
    make: (model) => {
      model.config["use_cache"] = false;
      model.config["transformers_version"] = "4.0.0";
    },
  },
  {
    name: "cast to float16, where some of bfloat16's values are too small",
    base: "grouped",
    modes: ["pair"],
    make: (model) =>
      edit(model, model.names(), (t) => rounded({ ...t, data: t.data.slice() }, "F16")),
  },
  {
    name: "negative zeros",
    base: "baichuan",
    modes: ["pair", "states", "logits"],
    make: (model) =>
      edit(model, model.names(), (t) => ({
        ...t,
        data: t.data.map((value) => (value === 0 ? -0 : value)),
      })),
  },
  {
    name: "bfloat16 stored as float16 where both hold every value",
    base: "grouped",
    make: (model) =>
      edit(
        model,
        model.names().filter((name) => name.includes("norm")),
        (t) => rounded(t, "F32"),
      ),
  },
];

async function rewritten(
  folder: string,
  options: { readonly maxShardSize?: number; readonly to?: "pytorch" | "paddle" },
): Promise<void> {
  const out = `${folder}-out`;
  rmSync(out, { recursive: true, force: true });
  await convert(folder, out, options);
  const config = readFileSync(join(folder, "config.json"));
  rmSync(folder, { recursive: true });
  renameSync(out, folder);
  if (options.to !== "paddle") writeFileSync(join(folder, "config.json"), config);
}
