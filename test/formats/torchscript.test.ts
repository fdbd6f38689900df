import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { scan } from "../../src/api/scan.ts";
import { openCheckpoint } from "../../src/formats/open.ts";
import { caught } from "../support/caught.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";
import { archive, dictOf, tensor } from "../support/hostile/torch-files.ts";
import { pickleBytes, type Piece } from "../support/pickle-bytes.ts";
import { fileOf, openBytes } from "../support/open-bytes.ts";
import { readPytorchZip } from "../../src/formats/pytorch/zip.ts";
import { storedFacts } from "../support/stored-facts.ts";

const PLACE = join(FIXTURES, "torchscript");

/** A program of one module with a tensor "w", with this code. */
function program(code: string, module = "__torch__"): Uint8Array {
  const pieces: readonly Piece[] = [
    ["GLOBAL", module, "Net"],
    "EMPTY_TUPLE",
    "NEWOBJ",
    ...dictOf(tensor()).slice(1, -1),
    "BUILD",
    "STOP",
  ];
  return archive(pieces, { "0": 24 }, [
    { name: "m/constants.pkl", data: pickleBytes("EMPTY_TUPLE", "STOP") },
    { name: "m/constants/0", data: new Uint8Array(8) },
    { name: "m/code/__torch__.py", data: Buffer.from(code) },
  ]);
}

describe("the parameters and buffers of a TorchScript program", () => {
  it.each(["scripted", "traced"])("are those of its state dict: %s", async (name) => {
    const stored = await storedFacts(join(PLACE, `${name}.pt`));
    expect(stored).toEqual(await storedFacts(join(PLACE, `${name}-state.pt`), { select: "." }));
    expect(Object.keys(stored)).toHaveLength(16);
  });

  it("leave other tensors of the program out by name, and say so", async () => {
    const { checkpoint, notes } = await openCheckpoint(join(PLACE, "scripted.pt"));
    await checkpoint.close();
    expect(notes.join("\n")).toContain("its code is not run");
    const skipped = checkpoint.skipped.filter(({ why }) => why.includes("no parameter or buffer"));
    expect(skipped.map(({ name }) => name)).toEqual([
      "blocks.0.note",
      "blocks.0.table",
      "blocks.1.note",
      "blocks.1.table",
    ]);
  });

  it("are constants without names in a frozen program, which is said", async () => {
    const code = "class Net(Module):\n  __parameters__ = []\n  __buffers__ = []\n";
    const error = await caught(() => readPytorchZip(fileOf(program(code))));
    expect([error.code, error.message]).toEqual([
      "WB4301",
      expect.stringContaining("a frozen TorchScript program: its weights are 1 constants"),
    ]);
  });

  it("are told by the class's own lines", async () => {
    const code = 'class Net(Module):\n  __parameters__ = []\n  __buffers__ = ["w", ]\n';
    const [weight] = await openBytes(program(code));
    expect(weight?.name).toBe("w");
    const table = await readPytorchZip(fileOf(program(code)));
    expect(table.skipped).toEqual([
      { name: "m/constants/0", why: "a constant of the program's, 8 bytes" },
    ]);
  });

  it.each([
    ["a class is not in the code", "class Other(Module):\n", "WB3301"],
    ["the code declares no names", "class Net(Module):\n  __parameters__ = [w()]\n", "WB3301"],
    ["no tensor is declared", "class Net(Module):\n  __parameters__ = []\n", "WB4301"],
  ])("are refused where %s", async (_title, code, expected) => {
    expect((await caught(() => openBytes(program(code)))).code).toBe(expected);
  });

  it("are refused where the pickle names anything else", async () => {
    const code = 'class Net(Module):\n  __parameters__ = ["w", ]\n';
    expect((await caught(() => openBytes(program(code, "os")))).code).toBe("WB5201");
  });

  it("do not make the program safe: its code is named", async () => {
    const { verdict, files } = await scan(join(PLACE, "traced.pt"));
    expect(verdict).toBe("incomplete");
    expect(files[0]?.why).toContain("traced/code/__torch__/___torch_mangle_9.py");
  });
});
