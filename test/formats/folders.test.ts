import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openCheckpoint } from "../../src/formats/open.ts";
import { surveyCheckpoint } from "../../src/formats/survey.ts";
import { caught, factOf } from "../support/caught.ts";
import { archive, dictOf, tensor } from "../support/hostile/torch-files.ts";
import { arrayPieces, pickleBytes, type Piece } from "../support/pickle-bytes.ts";
import { safetensorsBytes, vectorsHeader } from "../support/safetensors-file.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "weighbridge-folders-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const safetensors = (name: string): Uint8Array =>
  safetensorsBytes(vectorsHeader(new Map([[name, 2]])), 8);
const torch = (...names: readonly string[]): Uint8Array =>
  archive(dictOf(...names.map((name) => tensor({}, {}, name))));
const paddle = (name: string): Uint8Array =>
  pickleBytes(
    ["PROTO", 2],
    "EMPTY_DICT",
    "MARK",
    ...arrayPieces(name, "f4", [1], new Uint8Array(4)),
    "SETITEMS",
    "STOP",
  );

function put(files: Readonly<Record<string, Uint8Array | string>>): void {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
}

/** Names of the tensors that the folder stands for, sorted, and what is said of the choice. */
async function opened(): Promise<{ names: readonly string[]; notes: readonly string[] }> {
  const { checkpoint, notes } = await openCheckpoint(folder);
  await checkpoint.close();
  return { names: checkpoint.tensors.map(({ name }) => name).sort(), notes };
}

describe("shards without an index", () => {
  it.each([
    ["safetensors", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"],
    ["safetensors", "unet.fp16-1-of-2.safetensors", "unet.fp16-2-of-2.safetensors"],
    ["safetensors", "w_00000_of_00002.safetensors", "w_00001_of_00002.safetensors"],
    ["torch", "pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin"],
    ["torch", "anything-00001-of-00002.ckpt", "anything-00002-of-00002.ckpt"],
    ["paddle", "model_state-00001-of-00002.pdparams", "model_state-00002-of-00002.pdparams"],
  ] as const)("of %s are taken whole: %s", async (framework, first, second) => {
    const bytes = { safetensors, torch, paddle }[framework];
    put({ [first]: bytes("a"), [second]: bytes("b") });
    expect((await opened()).names).toEqual(["a", "b"]);
    const survey = await surveyCheckpoint(folder);
    await survey.checkpoint?.close();
    expect(survey.problems).toEqual([]);
  });

  it("are refused by name when one is missing", async () => {
    put({ "model-00001-of-00003.safetensors": safetensors("a") });
    const error = await caught(() => openCheckpoint(folder));
    expect(error.code).toBe("WB3602");
    expect(factOf(error, "files")).toEqual([
      "model-00002-of-00003.safetensors",
      "model-00003-of-00003.safetensors",
    ]);
    expect((await surveyCheckpoint(folder)).problems.map(({ code }) => code)).toEqual(["WB3602"]);
  });

  it("in two series are refused where both are whole, else the whole one is taken", async () => {
    put({
      "model-00001-of-00002.safetensors": safetensors("a"),
      "model-00002-of-00002.safetensors": safetensors("b"),
      "model-00002-of-00003.safetensors": safetensors("b"),
      "model-00003-of-00003.safetensors": safetensors("c"),
    });
    const one = await opened();
    expect(one.names).toEqual(["a", "b"]);
    expect(one.notes).toEqual([expect.stringContaining("also there: 3 shards")]);
    put({ "model-00001-of-00003.safetensors": safetensors("a") });
    const error = await caught(() => openCheckpoint(folder));
    expect(error.code).toBe("WB3008");
    expect(error.hint).toContain("Move the shards that are not meant");
  });

  it("of the longer series are taken where the shorter one is not whole", async () => {
    put({
      "model-00001-of-00001.safetensors.txt": "",
      "model-00001-of-00002.safetensors": safetensors("a"),
      "model-00001-of-00003.safetensors": safetensors("a"),
      "model-00002-of-00003.safetensors": safetensors("b"),
      "model-00003-of-00003.safetensors": safetensors("c"),
    });
    expect((await opened()).names).toEqual(["a", "b", "c"]);
  });

  it("beside an index that does not name them are said to be left out", async () => {
    put({
      "model-00001-of-00001.safetensors": safetensors("a"),
      "model-00003-of-00003.safetensors": safetensors("c"),
      "model.safetensors.index.json": JSON.stringify({
        weight_map: { a: "model-00001-of-00001.safetensors" },
      }),
    });
    const { names, notes } = await opened();
    expect(names).toEqual(["a"]);
    expect(notes).toEqual([
      expect.stringMatching(/^left out: .*index\.json names other shards .*model-00003-of-00003/),
    ]);
  });

  it("say one by one that the others are left out", async () => {
    put({ "model-00001-of-00002.safetensors": safetensors("a") });
    const path = join(folder, "model-00001-of-00002.safetensors");
    const { checkpoint, notes } = await openCheckpoint(path);
    await checkpoint.close();
    expect(notes[0]).toContain("left out: the other shards of 2");
  });

  it("of an optimizer are no weights", async () => {
    put({
      "model.safetensors": safetensors("a"),
      "optimizer-00001-of-00002.safetensors": safetensors("m"),
    });
    expect(await opened()).toEqual({ names: ["a"], notes: [] });
  });
});

describe("parts of parallel ranks", () => {
  it("are refused when one in between is missing", async () => {
    put({ "model_tp0_pp0.pt": torch("a"), "model_tp2_pp0.pt": torch("a") });
    const error = await caught(() => openCheckpoint(folder));
    expect([error.code, error.message]).toEqual([
      "WB3602",
      expect.stringContaining("tensor rank 1, pipeline stage 0"),
    ]);
  });

  it("of no known naming are refused", async () => {
    put({ "pytorch_model_fsdp_rank0.bin": torch("a"), "pytorch_model_fsdp_rank1.bin": torch("b") });
    const error = await caught(() => openCheckpoint(folder));
    expect(error.code).toBe("WB3008");
    expect(factOf(error, "choices")).toHaveLength(2);
  });
});

describe("a folder that training left", () => {
  const zero: readonly Piece[] = dictOf(tensor({}, {}, "x"));
  const modelStates = archive([
    ["PROTO", 2],
    "EMPTY_DICT",
    "MARK",
    ["BINUNICODE", "module"],
    ...dictOf(tensor({}, {}, "a")).slice(1, -1),
    ["BINUNICODE", "optimizer"],
    ...zero.slice(1, -1),
    "SETITEMS",
    "STOP",
  ]);

  it("of DeepSpeed gives its model states, through its file latest", async () => {
    put({
      latest: "global_step7\n",
      "global_step7/mp_rank_00_model_states.pt": modelStates,
      "global_step7/bf16_zero_pp_rank_0_mp_rank_00_optim_states.pt": torch("moments"),
    });
    const { names, notes } = await opened();
    expect(names).toEqual(["a"]);
    expect(notes.join("\n")).toContain("left out");
  });

  it.each([
    [["zero_pp_rank_0_mp_rank_00_model_states.pt"], "ZeRO 3"],
    [["mp_rank_00_model_states.pt", "mp_rank_01_model_states.pt"], "2 model-parallel ranks"],
    [["mp_rank_00_model_states.pt", "layer_00-model_states.pt"], "a file a layer"],
    [["mp_rank_00_model_states.pt", "layer_0_expert_0_mp_rank_00_model_states.pt"], "experts"],
    [["mp_rank_00_model_states.pt", "expp_rank_0_mp_rank_00_optim_states.pt"], "experts"],
    [["zero_pp_rank_0_mp_rank_00_optim_states.pt"], "only optimizer states"],
  ])("of DeepSpeed with divided weights is refused: %j", async (names, why) => {
    put(Object.fromEntries(names.map((name) => [name, modelStates])));
    const error = await caught(() => openCheckpoint(folder));
    expect([error.code, error.message]).toEqual(["WB4006", expect.stringContaining(why)]);
  });

  it("of torch DCP is named", async () => {
    put({ "__0_0.distcp": torch("a") });
    expect((await caught(() => openCheckpoint(folder))).code).toBe("WB4005");
    const part = join(folder, "__0_0.distcp");
    expect((await caught(() => openCheckpoint(part))).code).toBe("WB4005");
  });

  it("gives the states of an optimizer only to who asks: never as weights", async () => {
    const path = join(folder, "optim.pt");
    put({
      "optim.pt": archive([
        ["PROTO", 2],
        "EMPTY_DICT",
        "MARK",
        ["BINUNICODE", "optimizer_state_dict"],
        ...zero.slice(1, -1),
        "SETITEMS",
        "STOP",
      ]),
    });
    expect((await caught(() => openCheckpoint(path))).code).toBe("WB3306");
  });

  it("of Lightning with several checkpoints is refused with the choices", async () => {
    put({ "last.ckpt": torch("a"), "epoch=1.ckpt": torch("a") });
    const error = await caught(() => openCheckpoint(folder));
    expect([error.code, factOf(error, "choices")]).toEqual([
      "WB3008",
      ["epoch=1.ckpt", "last.ckpt"],
    ]);
  });

  it("names the folders below that hold weights", async () => {
    put({ "checkpoint-10/model.safetensors": safetensors("a"), "logs/x.txt": "x" });
    const error = await caught(() => openCheckpoint(folder));
    expect([error.code, factOf(error, "choices")]).toEqual(["WB3008", ["checkpoint-10"]]);
  });
});

describe("a choice between sets", () => {
  it.each([
    ["model.safetensors", "model_1.safetensors"],
    ["pytorch_model.bin", "pytorch_model_1.bin"],
  ])("of Accelerate's models %s and %s is the user's", async (first, second) => {
    const bytes = first.endsWith(".bin") ? torch : safetensors;
    put({ [first]: bytes("a"), [second]: bytes("a"), "optimizer.bin": torch("m") });
    const error = await caught(opened);
    expect(error.code).toBe("WB3008");
    expect(factOf(error, "choices")).toEqual([first, second]);
  });

  it("names the files of other frameworks where there are no others", async () => {
    put({ "flax_model.msgpack": "x", "config.json": "{}" });
    const error = await caught(opened);
    expect(error.code).toBe("WB3006");
    expect(error.message).toContain("there is flax_model.msgpack");
  });

  it("takes the plain name before a variant, and says what it left", async () => {
    put({
      "model.fp16.safetensors": safetensors("half"),
      "model.safetensors": safetensors("full"),
    });
    const { names, notes } = await opened();
    expect(names).toEqual(["full"]);
    expect(notes).toEqual([
      `left out: ${folder}: taking model.safetensors; also there: model.fp16.safetensors`,
    ]);
  });

  it("takes one name in two formats for the same weights", async () => {
    put({ "net.bin": torch("a"), "net.safetensors": safetensors("b") });
    expect((await opened()).names).toEqual(["b"]);
  });
});
