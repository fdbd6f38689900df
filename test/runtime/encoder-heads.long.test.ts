import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openChat } from "../../src/api/chat.ts";
import { check } from "../../src/api/check.ts";
import { convert } from "../../src/api/convert.ts";
import { logits } from "../../src/api/logits.ts";
import { openCheckpoint } from "../../src/formats/open.ts";
import { writeSafetensors, type TensorToWrite } from "../../src/formats/safetensors/save.ts";
import { assemblyOf, wholeView } from "../../src/mapping/assembly.ts";
import { readAssembly } from "../../src/mapping/read-assembly.ts";
import { verify } from "../../src/verify/run.ts";
import { caught } from "../support/caught.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";
import { isRecord } from "../support/is-record.ts";
import { storedFacts } from "../support/stored-facts.ts";

let work = "";
beforeAll(() => {
  work = mkdtempSync(join(tmpdir(), "weighbridge-heads-"));
});
afterAll(() => rmSync(work, { recursive: true, force: true }));

const HIDDEN = 32;

/** Numbers that differ from each other. */
function vector(name: string, shape: readonly number[]): TensorToWrite {
  const count = shape.reduce((product, size) => product * size, 1);
  const values = Float32Array.from({ length: count }, (_, at) => Math.sin(at + name.length) / 4);
  return { name, dtype: "F32", shape, bytes: new Uint8Array(values.buffer) };
}

/** A fixture's encoder under another head: its own tensors but those of its head, and others. */
async function withHead(
  set: "bert" | "roberta" | "ernie",
  folder: string,
  fields: Readonly<Record<string, unknown>>,
  head: readonly TensorToWrite[],
  nameOf: (name: string) => string = (name) => name,
): Promise<string> {
  const path = join(work, folder);
  mkdirSync(path);
  const config: unknown = JSON.parse(readFileSync(join(FIXTURES, set, "config.json"), "utf8"));
  writeFileSync(
    join(path, "config.json"),
    JSON.stringify({ ...(isRecord(config) ? config : {}), architectures: undefined, ...fields }),
  );
  const { checkpoint } = await openCheckpoint(join(FIXTURES, set, "model.safetensors"));
  const own = checkpoint.tensors.filter(({ name }) => name.startsWith(`${set}.`));
  const tensors = await Promise.all(
    own.map(async (tensor) => ({
      name: nameOf(tensor.name),
      dtype: tensor.dtype,
      shape: tensor.shape,
      bytes: (await readAssembly(assemblyOf(wholeView(tensor)))).slice(),
    })),
  );
  await checkpoint.close();
  await writeSafetensors(
    join(path, "model.safetensors"),
    [...tensors, ...head],
    new Map([["format", "pt"]]),
  );
  return path;
}

const classifier = (labels: number, name = "classifier"): readonly TensorToWrite[] => [
  vector(`${name}.weight`, [labels, HIDDEN]),
  vector(`${name}.bias`, [labels]),
];
const UIE_HEADS = ["linear_start", "linear_end"].flatMap((name) => classifier(1, name));
const PROMPTS = [{ kind: "ids", ids: [5, 9, 33] } as const];

/** Both ways through Paddle: the architecture that is written there, and whether the weights come back. */
async function roundTrip(folder: string): Promise<{ architecture: unknown; isSame: boolean }> {
  const [paddle, back] = [`${folder}-paddle`, `${folder}-back`];
  await convert(folder, paddle, { to: "paddle" });
  await convert(paddle, back);
  const written: unknown = JSON.parse(readFileSync(join(paddle, "config.json"), "utf8"));
  const [left, right] = [folder, back].map((path) =>
    readFileSync(join(path, "model.safetensors")).subarray(8).toString("latin1"),
  );
  const architecture = isRecord(written) ? written["architectures"] : undefined;
  return { architecture, isSame: left?.slice(-4096) === right?.slice(-4096) };
}

describe("an encoder with another head than that for masked tokens", () => {
  it("gives one row of its classes for a text, and says what they are called", async () => {
    const folder = await withHead(
      "bert",
      "classes",
      {
        architectures: ["BertForSequenceClassification"],
        id2label: { 0: "bad", 1: "good", 2: "neither" },
      },
      classifier(3),
    );
    const { outputs, prompts, top } = await logits(folder, { prompts: PROMPTS, device: "wasm" });
    expect([outputs.width, outputs.labels, prompts[0]?.positions]).toEqual([
      3,
      ["bad", "good", "neither"],
      [0],
    ]);
    expect(top).toHaveLength(1);
    const error = await caught(() =>
      logits(folder, { prompts: PROMPTS, device: "wasm", positions: [1] }),
    );
    expect([error.code, error.message]).toEqual([
      "WB2801",
      expect.stringContaining("gives one row for the whole text"),
    ]);
    expect(await roundTrip(folder)).toEqual({
      architecture: ["BertForSequenceClassification"],
      isSame: true,
    });
  });

  it("has as many classes as its tensors have rows where config.json does not say", async () => {
    const folder = await withHead(
      "ernie",
      "tokens",
      { architectures: ["ErnieForTokenClassification"] },
      classifier(7),
    );
    const { outputs, prompts } = await logits(folder, { prompts: PROMPTS, device: "wasm" });
    expect([outputs.width, prompts[0]?.logits.length]).toEqual([7, 21]);
  });

  it("is refused where config.json has names of more classes than the tensors have rows", async () => {
    const folder = await withHead(
      "bert",
      "rows",
      { architectures: ["BertForTokenClassification"], id2label: { 0: "a", 1: "b", 2: "c" } },
      classifier(4),
    );
    const error = await caught(() => logits(folder, { prompts: PROMPTS, device: "wasm" }));
    expect([error.code, error.message]).toEqual([
      "WB3702",
      expect.stringContaining("classifier.bias: expected [3], found [4]"),
    ]);
  });

  it("is UIE by its two heads alone, whose probabilities are given", async () => {
    const folder = await withHead("ernie", "uie", {}, UIE_HEADS);
    const { outputs, top } = await logits(folder, { prompts: PROMPTS, device: "wasm" });
    expect(outputs.labels).toEqual(["start", "end"]);
    const [first] = top;
    expect(first?.probabilities).toEqual(first?.logits.map((logit) => 1 / (1 + Math.exp(-logit))));
    expect(await roundTrip(folder)).toEqual({ architecture: ["UIE"], isSame: true });
  });

  it("is UIE under the prefix that its ports to torch have", async () => {
    const folder = await withHead(
      "ernie",
      "uie-port",
      { architectures: ["UIE"] },
      UIE_HEADS,
      (name) => name.replace(/^ernie\./, "encoder."),
    );
    const { outputs } = await logits(folder, { prompts: PROMPTS, device: "wasm" });
    expect(outputs.labels).toEqual(["start", "end"]);
  });

  it("without any gives its last hidden states, and is written without a prefix", async () => {
    const folder = await withHead("bert", "bare", { architectures: ["BertModel"] }, []);
    const { outputs, prompts } = await logits(folder, { prompts: PROMPTS, device: "wasm" });
    expect([outputs.width, prompts[0]?.logits.length]).toEqual([HIDDEN, 3 * HIDDEN]);
    const target = `${folder}-out`;
    await convert(folder, target);
    const names = Object.keys(await storedFacts(join(target, "model.safetensors")));
    expect(names).toContain("embeddings.word_embeddings.weight");
    expect(names.filter((name) => name.startsWith("bert."))).toEqual([]);
    expect((await verify(target, { other: folder, device: "wasm" })).verdict).toBe("pass");
  });

  it("that config.json does not name is refused by both names", async () => {
    const folder = await withHead("bert", "lacks", { architectures: ["BertForMaskedLM"] }, []);
    const error = await caught(() => convert(folder, `${folder}-out`));
    expect([error.code, error.message]).toEqual([
      "WB3714",
      expect.stringContaining(
        "config.json says BertForMaskedLM, a head for logits of masked tokens, and the tensors are those of BertModel",
      ),
    ]);
    const other = await withHead("bert", "more", { architectures: ["BertModel"] }, classifier(3));
    const reverse = await caught(() => logits(other, { prompts: PROMPTS, device: "wasm" }));
    expect([reverse.code, reverse.message]).toEqual([
      "WB3714",
      expect.stringContaining("config.json says BertModel, a model without a head"),
    ]);
    const { problems } = await check(other);
    expect(problems.map(({ code }) => code)).toEqual(["WB3714"]);
  });

  it("of a matrix and a bias of its own beside the usual bias is refused, and not computed with the wrong one", async () => {
    const fields = { architectures: ["BertForMaskedLM"], tie_word_embeddings: false };
    const biases = ["cls.predictions.bias", "cls.predictions.decoder.bias"];
    const folder = await withHead(
      "bert",
      "two-biases",
      fields,
      biases.map((name) => vector(name, [8])),
    );
    const error = await caught(() => logits(folder, { prompts: PROMPTS, device: "wasm" }));
    expect([error.code, error.message]).toEqual([
      "WB4702",
      expect.stringContaining("cls.predictions.decoder.bias beside cls.predictions.bias"),
    ]);
  });

  it("that may be of a text or of its tokens is asked for", async () => {
    const folder = await withHead("bert", "open", {}, classifier(5));
    const error = await caught(() => logits(folder, { prompts: PROMPTS, device: "wasm" }));
    expect([error.code, error.message]).toEqual([
      "WB3714",
      expect.stringContaining("BertForSequenceClassification, BertForTokenClassification"),
    ]);
  });

  it("is told from the same encoder with another one", async () => {
    const classes = await withHead(
      "ernie",
      "left",
      { architectures: ["ErnieForTokenClassification"] },
      classifier(2),
    );
    const uie = await withHead("ernie", "right", { architectures: ["UIE"] }, UIE_HEADS);
    const { verdict, diagnosis } = await verify(classes, { other: uie, device: "wasm" });
    expect([verdict, diagnosis.some(({ cause }) => cause === "config-mismatch")]).toEqual([
      "fail",
      true,
    ]);
  });

  it("has its starts and ends exchanged, and verify says so", async () => {
    const right = await withHead("ernie", "uie-right", {}, UIE_HEADS);
    const golden = join(work, "uie.golden.safetensors");
    await logits(right, { prompts: PROMPTS, device: "wasm", out: golden, hiddenStates: true });
    const swapped = UIE_HEADS.map((tensor) => ({
      ...tensor,
      name: tensor.name.includes("start")
        ? tensor.name.replace("start", "end")
        : tensor.name.replace("end", "start"),
    }));
    const wrong = await withHead("ernie", "uie-wrong", {}, swapped);
    const { verdict, diagnosis } = await verify(wrong, { golden, device: "wasm" });
    expect([verdict, diagnosis[0]?.cause, diagnosis[0]?.tensors]).toEqual([
      "fail",
      "swapped",
      ["linear_start.weight", "linear_end.weight", "linear_start.bias", "linear_end.bias"],
    ]);
  });

  it("is no partner to talk with, before its tokenizer is asked for", async () => {
    const folder = join(work, "chat");
    cpSync(join(FIXTURES, "bert"), folder, { recursive: true });
    const error = await caught(() => openChat(folder, { device: "wasm" }));
    expect([error.code, error.message]).toEqual([
      "WB4707",
      expect.stringContaining("is an encoder"),
    ]);
  });
});
