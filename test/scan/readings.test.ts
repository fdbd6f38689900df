import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { scan } from "../../src/api/scan.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";
import { zipBytes } from "../support/zip-bytes.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "weighbridge-readings-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

async function verdictOf(
  name: string,
  ...parts: readonly (Uint8Array | string)[]
): Promise<string> {
  const path = join(folder, name);
  writeFileSync(path, Buffer.concat(parts.map((part) => Buffer.from(part))));
  return (await scan(path)).verdict;
}

const latin1 = (text: string): Buffer => Buffer.from(text, "latin1");
const LAMBDA = JSON.stringify({
  class_name: "Sequential",
  config: { layers: [{ class_name: "Lambda", config: { function: ["x"] } }] },
});
const KERAS = zipBytes([{ name: "config.json", data: Buffer.from(LAMBDA) }]);
const PLAIN_ZIP = zipBytes([{ name: "a.txt", data: Buffer.from("a") }]);
const HDF5 = latin1("\u0089HDF\r\n\u001a\n");
const H5_LAMBDA = Buffer.concat([HDF5, latin1(`model_config\0\0${LAMBDA}\0`)]);
const PNG = latin1("\u0089PNG\r\n\u001a\n\0\0");
const NPY_TEXT = "{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }".padEnd(117) + "\n";
const NPY = Buffer.concat([
  latin1("\u0093NUMPY\u0001\0v\0"),
  Buffer.from(NPY_TEXT),
  Buffer.alloc(16),
]);
const SAFETENSORS = readFileSync(join(FIXTURES, "safetensors-single/model.safetensors"));
const PICKLE = readFileSync(join(FIXTURES, "paddle-a/model_state.pdparams"));

/** Safetensors whose one tensor has these bytes. */
function tensorOf(bytes: Uint8Array): Buffer {
  const header = JSON.stringify({
    a: { dtype: "U8", shape: [bytes.byteLength], data_offsets: [0, bytes.byteLength] },
  });
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, Buffer.from(header), bytes]);
}

/** What a zip may stand behind, though each of them is something else to its own readers. */
const FRONTS: Readonly<Record<string, Uint8Array>> = {
  "a picture": PNG,
  "a JPEG": Buffer.from([0xff, 0xd8, 0xff, 0]),
  "a PDF": latin1("%PDF-1.7\n\0"),
  "an array of numpy": NPY,
  "a gzip stream": gzipSync("a"),
  "a pickle": PICKLE,
  HDF5: Buffer.concat([HDF5, Buffer.alloc(64)]),
  "nothing known": Buffer.from([1, 2, 3, 255]),
};

describe("a zip behind something else, which Python's zipfile opens", () => {
  it.each(Object.keys(FRONTS))("is looked into: behind %s", async (name) => {
    expect(await verdictOf("m.keras", FRONTS[name] ?? "", KERAS)).toBe("unsafe");
  });

  it("is looked into in a tensor's numbers", async () => {
    expect(await verdictOf("m.safetensors", tensorOf(KERAS))).toBe("unsafe");
    expect(await verdictOf("n.safetensors", tensorOf(PLAIN_ZIP))).toBe("safe");
    expect(await verdictOf("o.safetensors", SAFETENSORS)).toBe("safe");
  });
});

describe("HDF5 behind something else, which its own library finds", () => {
  it.each([512, 1024, 2 ** 15])("is looked into: at byte %d", async (begin) => {
    const front = Buffer.alloc(begin);
    PNG.copy(front);
    expect(await verdictOf("m.h5", front, H5_LAMBDA)).toBe("unsafe");
    expect(await verdictOf("n.h5", Buffer.alloc(begin, 7), H5_LAMBDA)).toBe("unsafe");
  });
});

describe("HDF5", () => {
  it("has every object of JSON judged, however it is spaced", async () => {
    const plain = '{"class_name": "Sequential", "config": {}}';
    const spaced = LAMBDA.replaceAll('{"', '{ \n"');
    const both = latin1(`model_config\0${plain}\0\u0001${spaced}\0`);
    expect(await verdictOf("a.h5", HDF5, both)).toBe("unsafe");
    expect(await verdictOf("b.h5", HDF5, latin1(`model_config\0${plain}\0`))).toBe("safe");
    const odd = LAMBDA.replace("{", '{"a": NaN, ');
    expect(await verdictOf("c.h5", HDF5, latin1(`model_config\0${odd}\0`))).toBe("unsafe");
  });

  it("is not understood with what PyTables may unpickle", async () => {
    expect(await verdictOf("d.h5", HDF5, latin1("PYTABLES_FORMAT_VERSION\0"))).toBe("incomplete");
    const attribute = latin1("\0\0cposix\nsystem\n(S'true'\ntR.");
    expect(await verdictOf("e.h5", HDF5, attribute)).toBe("incomplete");
    expect(await verdictOf("f.h5", HDF5, Buffer.alloc(4096, 1))).toBe("safe");
  });
});

it.runIf(process.platform === "linux")(
  "a link to what the system makes up is not understood",
  async () => {
    const path = join(folder, "environ.bin");
    symlinkSync("/proc/self/environ", path);
    expect((await scan(path)).verdict).toBe("incomplete");
    expect(await verdictOf("empty.bin", "")).toBe("safe");
  },
);

describe("an array of numpy", () => {
  it("is not safe with other bytes behind it than another array", async () => {
    expect(await verdictOf("a.npy", NPY)).toBe("safe");
    expect(await verdictOf("b.npy", NPY, NPY)).toBe("safe");
    expect(await verdictOf("c.npy", NPY.subarray(0, -1))).toBe("incomplete");
    expect(await verdictOf("d.npy", NPY, "cposix\nsystem\n(S'true'\ntR.")).toBe("incomplete");
  });
});

describe("a tar", () => {
  it("is not understood with bytes behind its end, which some readers pass on to", async () => {
    const header = Buffer.alloc(512);
    header.write("a.txt", 0);
    header.write("00000000000\0", 124);
    header.write("        0", 148);
    header.write("ustar\u000000", 257);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
    const end = Buffer.alloc(1024);
    expect(await verdictOf("a.tar", header, end)).toBe("safe");
    expect(await verdictOf("b.tar", header, end, header, end)).toBe("incomplete");
  });
});

describe("JSON as Python reads it", () => {
  it("is judged with its odd numbers, and not understood where it is none", async () => {
    const lambda = LAMBDA.replace("{", '{"a": [NaN, Infinity, -Infinity, "NaN"], ');
    expect(await verdictOf("config.json", lambda)).toBe("unsafe");
    expect(await verdictOf("trainer_state.json", '{"loss": NaN, "best": -Infinity}')).toBe("safe");
    expect(await verdictOf("config.json", `${LAMBDA} // no`)).toBe("incomplete");
  });
});

const layer = (module: string, name: string, config: unknown = {}): string =>
  JSON.stringify({ layers: [{ module, class_name: name, config }] });

/** Each makes Keras import, load or call what the file chooses. */
const LAYERS: readonly string[] = [
  layer("builtins", "exec"),
  layer("builtins", "function", "os.system"),
  layer("keras.utils", "get_file"),
  layer("keras.src.utils.file_utils", "get_file"),
  layer("keras.layers", "TorchModuleWrapper"),
  layer("keras.layers", "TFSMLayer"),
  layer("keras.layers", "CustomLambda"),
  layer("tensorflow.io", "write_file"),
  layer("keras.layers", "TFOpLambda", { function: "io.write_file" }),
  layer("tensorflow.python.keras.layers", "Lambda"),
  layer("keras_evil", "Dense"),
];

describe("a layer of Keras", () => {
  it.each(LAYERS)("is unsafe: %s", async (config) => {
    expect(await verdictOf("config.json", config)).toBe("unsafe");
  });

  it("is safe where it is one of Keras's own", async () => {
    for (const config of [
      layer("keras.layers", "Dense"),
      layer("keras.src.layers.core.dense", "Dense"),
      layer("builtins", "function", "relu"),
      layer("keras.src.models.functional", "Functional"),
      layer("keras.layers", "TFOpLambda", { function: "math.add" }),
      layer("keras", "DTypePolicy"),
      layer("keras.src.backend.torch.optimizers.torch_adamw", "AdamW"),
    ])
      expect(await verdictOf("config.json", config)).toBe("safe");
  });
});

describe("what Hydra calls", () => {
  it("is unsafe where it runs code, and not understood where nobody knows it", async () => {
    const nemo = "nemo.collections.asr.modules.ConformerEncoder";
    expect(await verdictOf("a.yaml", `encoder:\n  _target_: ${nemo}\n  n: 1\n`)).toBe("safe");
    expect(await verdictOf("b.yaml", "e: {_target_: builtins.exec, _args_: [x]}\n")).toBe("unsafe");
    expect(await verdictOf("c.yaml", 'e:\n  "_target_": "os.system"\n')).toBe("unsafe");
    expect(await verdictOf("d.yaml", "e:\n  _target_: torch.load\n")).toBe("incomplete");
    expect(await verdictOf("e.yaml", 'e:\n  "\\x5ftarget_": os.system\n')).toBe("incomplete");
    expect(await verdictOf("f.yaml", "e:\n  ? _target_\n  : os.system\n")).toBe("incomplete");
    expect(await verdictOf("g.json", '{"m": {"_target_": "subprocess.run"}}')).toBe("unsafe");
    expect(await verdictOf("h.json", '{"m": {"_target_": "my.module.Net"}}')).toBe("incomplete");
  });
});

describe("YAML", () => {
  it.each([
    "a: !!%70ython/object/apply:os.system ['true']\n",
    "%TAG !p! tag:yaml.org,2002:pyth\n---\na: !p!on/object/apply:os.system ['true']\n",
    "[!!p%79thon/name:os.system a]\n",
  ])("is not safe with tags that hide what they are: %j", async (text) => {
    expect(await verdictOf("a.yml", text)).not.toBe("safe");
  });

  it("is safe with words and percent signs", async () => {
    expect(await verdictOf("a.yml", "text: wow! 50%20 off\nurl: https://a/b%20c\n")).toBe("safe");
  });
});

function member(name: string): { readonly name: string; readonly data: Uint8Array } {
  return { name, data: Buffer.from("a") };
}

describe("a zip", () => {
  it.each(["../a.txt", "/etc/a.txt", "C:\\a.txt", "a/../../b.txt", "..\\a.txt"])(
    "is unsafe with a member that leaves its folder: %s",
    async (name) => {
      const path = join(folder, "leaves.zip");
      writeFileSync(path, zipBytes([member(name)]));
      const { verdict, reasons } = await scan(path);
      expect([verdict, reasons.map(({ code }) => code)]).toEqual(["unsafe", ["WB5103"]]);
    },
  );

  it("is not understood with a member that its directory does not list", async () => {
    const hidden = Buffer.from(zipBytes([member("hidden.txt")]));
    const local = hidden.subarray(0, hidden.lastIndexOf("PK\u0001\u0002"));
    const listed = zipBytes([member("a.txt"), { name: "b.txt", data: Buffer.from("b") }]);
    expect(await verdictOf("a.zip", listed)).toBe("safe");
    expect(await verdictOf("b.zip", zipBytes([member("a.txt")], { before: local }))).toBe(
      "incomplete",
    );
    const [first, last] = [member("a.txt"), member("b.txt")];
    const unlisted = { ...member("hidden.txt"), isUnlisted: true };
    for (const members of [
      [unlisted, first],
      [first, unlisted, last],
      [first, unlisted],
    ])
      expect(await verdictOf("c.zip", zipBytes(members))).toBe("incomplete");
  });

  it("is not understood with a name that readers cut off", async () => {
    const zip = zipBytes([{ name: "config.json\0.txt", data: Buffer.from(LAMBDA) }]);
    expect(await verdictOf("a.keras", zip)).toBe("incomplete");
  });

  it("of torch.save has members looked into that are no storages by their names", async () => {
    const data = readFileSync(join(FIXTURES, "internlm-tiny/pytorch_model.bin"));
    expect(await verdictOf("m.bin", data)).toBe("safe");
    const pickle = latin1("\u0080\u0002].");
    const config = { name: "m/data/config.json", data: Buffer.from(LAMBDA) };
    expect(await verdictOf("n.bin", zipBytes([{ name: "m/data.pkl", data: pickle }, config]))).toBe(
      "unsafe",
    );
    // A storage by its name that no tensor uses.
    const payload = { name: "m/data/0", data: latin1("cposix\nsystem\n(S'true'\ntR.") };
    expect(
      await verdictOf("o.bin", zipBytes([{ name: "m/data.pkl", data: pickle }, payload])),
    ).toBe("unsafe");
  });
});
