import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { scan } from "../../src/api/scan.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "weighbridge-kinds-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

async function verdictOf(name: string, bytes: Uint8Array | string): Promise<readonly unknown[]> {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  const { verdict, files, reasons } = await scan(path);
  return [verdict, files[0]?.state, reasons.map(({ code }) => code).join()];
}

const text = (value: string): Buffer => {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(Buffer.byteLength(value)));
  return Buffer.concat([length, Buffer.from(value)]);
};
const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};
const u64 = (value: number): Buffer => Buffer.concat([u32(value), u32(0)]);

/** GGUF of version 3 without tensors, with one array of texts and a chat template. */
const gguf = (template: string): Buffer =>
  Buffer.concat([
    Buffer.from("GGUF"),
    u32(3),
    u64(0),
    u64(2),
    text("tokenizer.ggml.tokens"),
    u32(9),
    u32(8),
    u64(2),
    text("a"),
    text("b"),
    text("tokenizer.chat_template"),
    u32(8),
    text(template),
  ]);

const PLAIN = "{% for m in messages %}{{ m['content'].strip() }}{% endfor %}";
const ESCAPES = [
  "{{ cycler.__init__.__globals__.os.popen('true').read() }}",
  "{{ messages|attr('_' ~ '_class_' ~ '_') }}",
  "{{ ''['\\x5f\\x5fclass\\x5f\\x5f'] }}",
];

describe("a chat template", () => {
  it("is examined where it stays in its sandbox, and said to be there", async () => {
    expect(await verdictOf("a.gguf", gguf(PLAIN))).toEqual(["safe", "examined", ""]);
    const config = JSON.stringify({ chat_template: PLAIN });
    expect(await verdictOf("tokenizer_config.json", config)).toEqual(["safe", "examined", ""]);
    expect(await verdictOf("chat_template.jinja", PLAIN)).toEqual(["safe", "examined", ""]);
  });

  it.each(ESCAPES)("is unsafe where it reaches for Python: %s", async (template) => {
    const unsafe = ["unsafe", "examined", "WB5001"];
    expect(await verdictOf("a.gguf", gguf(template))).toEqual(unsafe);
    const named = { chat_template: [{ name: "default", template }] };
    expect(await verdictOf("tokenizer_config.json", JSON.stringify(named))).toEqual(unsafe);
    expect(await verdictOf("chat_template.jinja", template)).toEqual(unsafe);
  });
});

const layer = (name: string, module: string): string =>
  JSON.stringify({
    module: "keras",
    class_name: "Sequential",
    config: { layers: [{ module, class_name: name, config: { name: "a" } }] },
  });
const hdf5 = (config: string): Buffer =>
  Buffer.concat([
    Buffer.from("\u0089HDF\r\n\u001a\n\0\0\0\0", "latin1"),
    Buffer.from(`model_config\0\0${config}\0\0`),
  ]);

describe("a model of Keras", () => {
  it("is unsafe with a layer that holds code or a class from elsewhere, however it is spelled", async () => {
    const unsafe = ["unsafe", "examined", "WB5002"];
    expect(await verdictOf("config.json", layer("Lambda", "keras.layers"))).toEqual(unsafe);
    expect(await verdictOf("config.json", layer("run", "subprocess"))).toEqual(unsafe);
    const lambda = layer("Lambda", "keras.layers").replace("Lambda", "\\u004cambda");
    expect(await verdictOf("m.h5", hdf5(lambda))).toEqual(["unsafe", "examined", "WB5002"]);
  });

  it("is safe with layers of Keras alone, and not understood where its layers are not found", async () => {
    expect((await verdictOf("m.h5", hdf5(layer("Dense", "keras.layers"))))[0]).toBe("safe");
    expect((await verdictOf("m.h5", hdf5("nothing")))[0]).toBe("incomplete");
  });
});

describe("a configuration", () => {
  it("that names Python of its own folder says so; of another place, it is not understood", async () => {
    const own = JSON.stringify({ auto_map: { AutoModel: "modeling_x.XModel" } });
    expect(await verdictOf("config.json", own)).toEqual(["safe", "examined", ""]);
    const other = JSON.stringify({ auto_map: { AutoModel: "org/name--modeling_x.XModel" } });
    expect((await verdictOf("config.json", other))[0]).toBe("incomplete");
  });

  it("in YAML is unsafe with tags of Python", async () => {
    expect((await verdictOf("a.yaml", "a: 1\n"))[0]).toBe("safe");
    const tag = "a: !!python/object/apply:os.system ['true']\n";
    expect((await verdictOf("a.yaml", tag))[2]).toBe("WB5002");
  });
});

/** paddle.save(paddle.ones([2]), path, use_binary_format=True) of paddle 3.3.1. */
const TENSOR = Buffer.from(
  "0000000000000000000000000000000004000000080510020000803f0000803f",
  "hex",
);

describe("raw tensors of Paddle", () => {
  it("are harmless to their last byte, and nothing else is", async () => {
    const two = Buffer.concat([TENSOR, TENSOR]);
    expect(await verdictOf("m.pdiparams", two)).toEqual(["safe", "harmless", ""]);
    expect((await verdictOf("m.pdiparams", two.subarray(0, 60)))[0]).toBe("incomplete");
  });
});

/** joblib.dump({"a": numpy.arange(3, dtype="int32"), "b": [numpy.ones((2, 2))]}) of joblib 1.6.0. */
const JOBLIB = Buffer.from(
  "gASV2AAAAAAAAAB9lCiMAWGUjBNqb2JsaWIubnVtcHlfcGlja2xllIwRTnVtcHlBcnJheVdyYXBwZXKUk5QpgZR9lCiMCHN1YmNsYXNzlIwFbnVtcHmUjAduZGFycmF5lJOUjAVzaGFwZZRLA4WUjAVvcmRlcpSMAUOUjAVkdHlwZZRoCIwFZHR5cGWUk5SMAmk0lImIh5RSlChLA4wBPJROTk5K/////0r/////SwB0lGKMCmFsbG93X21tYXCUiIwbbnVtcHlfYXJyYXlfYWxpZ25tZW50X2J5dGVzlEsQdWIM////////////////AAAAAAEAAAACAAAAlU0AAAAAAAAAjAFilF2UaAQpgZR9lChoB2gKaAtLAksChpRoDWgOaA9oEYwCZjiUiYiHlFKUKEsDaBVOTk5K/////0r/////SwB0lGJoF4hoGEsQdWIN/////////////////wAAAAAAAPA/AAAAAAAA8D8AAAAAAADwPwAAAAAAAPA/YXUu",
  "base64",
);

/** StandardScaler().fit([[1.0], [2.0]]) of scikit-learn 1.9.1, by joblib 1.6.0. */
const SCALER = Buffer.from(
  "gASViwEAAAAAAACMG3NrbGVhcm4ucHJlcHJvY2Vzc2luZy5fZGF0YZSMDlN0YW5kYXJkU2NhbGVylJOUKYGUfZQojAl3aXRoX21lYW6UiIwId2l0aF9zdGSUiIwEY29weZSIjA5uX2ZlYXR1cmVzX2luX5RLAYwPbl9zYW1wbGVzX3NlZW5flIwWbnVtcHkuX2NvcmUubXVsdGlhcnJheZSMBnNjYWxhcpSTlIwFbnVtcHmUjAVkdHlwZZSTlIwCZjiUiYiHlFKUKEsDjAE8lE5OTkr/////Sv////9LAHSUYkMIAAAAAAAAAECUhpRSlIwFbWVhbl+UjBNqb2JsaWIubnVtcHlfcGlja2xllIwRTnVtcHlBcnJheVdyYXBwZXKUk5QpgZR9lCiMCHN1YmNsYXNzlGgNjAduZGFycmF5lJOUjAVzaGFwZZRLAYWUjAVvcmRlcpSMAUOUjAVkdHlwZZRoEowKYWxsb3dfbW1hcJSIjBtudW1weV9hcnJheV9hbGlnbm1lbnRfYnl0ZXOUSxB1Ygn///////////8AAAAAAAD4P5UqAAAAAAAAAIwEdmFyX5RoGymBlH2UKGgeaCBoIUsBhZRoI2gkaCVoEmgmiGgnSxB1YgT/////AAAAAAAA0D+VLAAAAAAAAACMBnNjYWxlX5RoGymBlH2UKGgeaCBoIUsBhZRoI2gkaCVoEmgmiGgnSxB1YgL//wAAAAAAAOA/lR4AAAAAAAAAjBBfc2tsZWFybl92ZXJzaW9ulIwFMS45LjGUdWIu",
  "base64",
);

/** An array of bytes, unaligned, whose bytes are opcodes: os.system("id"). */
const BYTES = Buffer.from(
  "gASV0AAAAAAAAACME2pvYmxpYi5udW1weV9waWNrbGWUjBFOdW1weUFycmF5V3JhcHBlcpSTlCmBlH2UKIwIc3ViY2xhc3OUjAVudW1weZSMB25kYXJyYXmUk5SMBXNoYXBllEsVhZSMBW9yZGVylIwBQ5SMBWR0eXBllGgGjAVkdHlwZZSTlIwCdTGUiYiHlFKUKEsDjAF8lE5OTkr/////Sv////9LAHSUYowKYWxsb3dfbW1hcJSIjBtudW1weV9hcnJheV9hbGlnbm1lbnRfYnl0ZXOUTnViY29zCnN5c3RlbQooUydpZCcKdFIuLg==",
  "base64",
);

describe("a pickle of joblib", () => {
  it("is safe with arrays of numbers, and not understood where they end elsewhere", async () => {
    expect(await verdictOf("a.joblib", JOBLIB)).toEqual(["safe", "examined", ""]);
    expect((await verdictOf("a.joblib", JOBLIB.subarray(0, -1)))[0]).toBe("incomplete");
    // The byte before the padding says to joblib where the numbers begin.
    const shifted = Buffer.from(JOBLIB);
    const padding = shifted.indexOf(Buffer.from([0xff, 0xff])) - 1;
    shifted[padding] = (shifted[padding] ?? 0) - 1;
    expect((await verdictOf("a.joblib", shifted))[0]).toBe("incomplete");
  });

  it.each([
    [
      "a masked array, pickled whole",
      "a.joblib",
      "gASVqAAAAAAAAACMDW51bXB5Lm1hLmNvcmWUjA5fbWFyZWNvbnN0cnVjdJSTlCiMCG51bXB5Lm1hlIwLTWFza2VkQXJyYXmUk5SMBW51bXB5lIwHbmRhcnJheZSTlEsAhZSMAWKUdJRSlChLAUsChZRoBowFZHR5cGWUk5SMAmkylImIh5RSlChLA4wBPJROTk5K/////0r/////SwB0lGKJQwQBAAIAlEMCAAGUTnSUYi4=",
    ],
    [
      "days and records",
      "b.joblib",
      "gASV6AAAAAAAAAB9lCiMAXSUjBNqb2JsaWIubnVtcHlfcGlja2xllIwRTnVtcHlBcnJheVdyYXBwZXKUk5QpgZR9lCiMCHN1YmNsYXNzlIwFbnVtcHmUjAduZGFycmF5lJOUjAVzaGFwZZRLAYWUjAVvcmRlcpSMAUOUjAVkdHlwZZRoCIwFZHR5cGWUk5SMAk04lImIh5RSlChLBIwBPJROTk5K/////0r/////SwBOKEMBRJRLAUsBSwF0lIaUdJRijAphbGxvd19tbWFwlIiMG251bXB5X2FycmF5X2FsaWdubWVudF9ieXRlc5RLEHViDP///////////////1ZHAAAAAAAAlaUAAAAAAAAAjAFylGgEKYGUfZQoaAdoCmgLSwGFlGgNaA5oD2gRjAJWNpSJiIeUUpQoSwOMAXyUTowBYZSMAWKUhpR9lChoJGgRjAJpMpSJiIeUUpQoSwNoFU5OTkr/////Sv////9LAHSUYksAhpRoJWgRjAJmNJSJiIeUUpQoSwNoFU5OTkr/////Sv////9LAHSUYksChpR1SwZLAUsQdJRiaBqIaBtLEHViCf///////////wEAAAAAQHUu",
    ],
  ])("is safe with %s", async (_what, name, bytes) => {
    expect(await verdictOf(name, Buffer.from(bytes, "base64"))).toEqual(["safe", "examined", ""]);
  });

  it("is not accused of what the pickle of its objects names where another unpickler reads on", async () => {
    const objects =
      "gASV1wAAAAAAAAB9lIwBYZSME2pvYmxpYi5udW1weV9waWNrbGWUjBFOdW1weUFycmF5V3JhcHBlcpSTlCmBlH2UKIwIc3ViY2xhc3OUjAVudW1weZSMB25kYXJyYXmUk5SMBXNoYXBllEsChZSMBW9yZGVylIwBQ5SMBWR0eXBllGgIjAVkdHlwZZSTlIwCTziUiYiHlFKUKEsDjAF8lE5OTkr/////Sv////9LP3SUYowKYWxsb3dfbW1hcJSJjBtudW1weV9hcnJheV9hbGlnbm1lbnRfYnl0ZXOUSxB1YoAFlY8AAAAAAAAAjBZudW1weS5fY29yZS5tdWx0aWFycmF5lIwMX3JlY29uc3RydWN0lJOUjAVudW1weZSMB25kYXJyYXmUk5RLAIWUQwFilIeUUpQoSwFLAoWUaAOMBWR0eXBllJOUjAJPOJSJiIeUUpQoSwOMAXyUTk5OSv////9K/////0s/dJRiiV2UKIwBeJROZXSUYi5zLg==";
    expect(await verdictOf("c.joblib", Buffer.from(objects, "base64"))).toEqual([
      "incomplete",
      "not-understood",
      "",
    ]);
  });

  it("is not understood, and no danger, where it holds an estimator of scikit-learn", async () => {
    expect(await verdictOf("scaler.joblib", SCALER)).toEqual(["incomplete", "not-understood", ""]);
    const { globals, files } = await scan(join(folder, "scaler.joblib"));
    expect(globals.filter(({ allowed }) => !allowed)).toMatchObject([
      { module: "sklearn.preprocessing._data", name: "StandardScaler", library: true },
    ]);
    expect(files[0]?.why).toContain("sklearn.preprocessing._data.StandardScaler");
    // The same module has names that are no estimator's.
    const loads = Buffer.from(
      SCALER.toString("latin1").replace("StandardScaler", "load_something"),
      "latin1",
    );
    expect((await verdictOf("scaler.joblib", loads))[0]).toBe("unsafe");
  });

  it("is unsafe where the pickle of an array's objects calls, or an unpickler without joblib would", async () => {
    const objects =
      "gASV0QAAAAAAAACME2pvYmxpYi5udW1weV9waWNrbGWUjBFOdW1weUFycmF5V3JhcHBlcpSTlCmBlH2UKIwIc3ViY2xhc3OUjAVudW1weZSMB25kYXJyYXmUk5SMBXNoYXBllEsBhZSMBW9yZGVylIwBQ5SMBWR0eXBllGgGjAVkdHlwZZSTlIwCTziUiYiHlFKUKEsDjAF8lE5OTkr/////Sv////9LP3SUYowKYWxsb3dfbW1hcJSJjBtudW1weV9hcnJheV9hbGlnbm1lbnRfYnl0ZXOUSxB1YoAFlaUAAAAAAAAAjBZudW1weS5fY29yZS5tdWx0aWFycmF5lIwMX3JlY29uc3RydWN0lJOUjAVudW1weZSMB25kYXJyYXmUk5RLAIWUQwFilIeUUpQoSwFLAYWUaAOMBWR0eXBllJOUjAJPOJSJiIeUUpQoSwOMAXyUTk5OSv////9K/////0s/dJRiiV2UjAVwb3NpeJSMBnN5c3RlbZSTlIwCaWSUhZRSlGF0lGIuLg==";
    expect((await verdictOf("a.joblib", Buffer.from(objects, "base64")))[0]).toBe("unsafe");
    expect((await verdictOf("a.joblib", BYTES))[0]).toBe("unsafe");
    // Numbers that read as a name that no one knows: joblib never looks there.
    const unknown = Buffer.from(
      BYTES.toString("latin1").replace("cos\nsystem", "ce\nasystem"),
      "latin1",
    );
    expect((await verdictOf("a.joblib", unknown))[0]).toBe("incomplete");
  });

  it("is unsafe with objects in its arrays' place, and with other names", async () => {
    const named = Buffer.from(JOBLIB.toString("latin1").replace("ndarray", "fromstr"), "latin1");
    expect((await verdictOf("a.joblib", named))[0]).toBe("unsafe");
    const object = Buffer.from(JOBLIB.toString("latin1").replace("i4", "O8"), "latin1");
    expect((await verdictOf("a.joblib", object))[0]).toBe("incomplete");
  });
});

const frame = (length: number): Buffer => Buffer.concat([Buffer.from([0x95]), u64(length)]);

describe("a pickle with a frame in a frame", () => {
  const name = Buffer.from("ctorch\nFloatStorage\n.");
  const before = Buffer.from([0x80, 0x04]);

  it("is unsafe where the C unpickler imports another name than stands there", async () => {
    // It has read 15 bytes ahead when the inner frame begins, and forgets "Flo" with them: torch.atStorage.
    const bytes = Buffer.concat([before, frame(19), frame(0), name]);
    expect((await verdictOf("a.pkl", bytes))[0]).toBe("unsafe");
    // The inner one is longer: what is left of the outer one is lost.
    const longer = Buffer.concat([before, frame(19), frame(name.byteLength), name]);
    expect((await verdictOf("a.pkl", longer))[0]).toBe("unsafe");
  });

  it("is read on where both end with the pickle", async () => {
    const whole = Buffer.concat([before, frame(9 + name.byteLength), frame(name.byteLength), name]);
    expect((await verdictOf("a.pkl", whole))[0]).toBe("safe");
  });
});

const inner = Buffer.from("\u0080\u0002cos\nsystem\nX\u0002\0\0\0id\u0085R.", "latin1");
const holding = (opcode: string, data: Buffer): Buffer => {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(data.byteLength);
  return Buffer.concat([
    Buffer.from(`\u0080\u0004${opcode}`, "latin1"),
    length,
    data,
    Buffer.from("."),
  ]);
};

describe("a pickle in the data of a pickle", () => {
  it.each([
    ["as bytes", holding("B", inner)],
    ["in base64", holding("X", Buffer.from(inner.toString("base64")))],
    ["in hexadecimal", holding("X", Buffer.from(inner.toString("hex")))],
    ["one deeper", holding("B", holding("X", Buffer.from(inner.toString("base64"))))],
  ])("is told of where it names what is not allowed: %s", async (_way, bytes) => {
    expect(await verdictOf("a.pkl", bytes)).toEqual(["unsafe", "examined", "WB5201"]);
  });

  it("is none in a short text with two words and no mark before them", async () => {
    expect(await verdictOf("a.txt", "it is\nia\nword\n.")).toEqual(["safe", "harmless", ""]);
  });

  it("is none where it names what is allowed, or does not come to its end", async () => {
    const harmless = Buffer.from("\u0080\u0002ccollections\nOrderedDict\n)R.", "latin1");
    expect((await verdictOf("a.pkl", holding("B", harmless)))[0]).toBe("safe");
    expect((await verdictOf("a.pkl", holding("B", inner.subarray(0, 12))))[0]).toBe("safe");
  });
});

describe("a text", () => {
  it.each(["RDA3", "RDX2", "RDB3"])(
    "of R behind the mark %s is not understood: load() evaluates what it holds",
    async (mark) => {
      expect(await verdictOf(`${mark}.RData`, `${mark}\nA\n3\n263168\n197888\n`)).toEqual([
        "incomplete",
        "not-understood",
        "",
      ]);
    },
  );

  it("of XML that names other files is not understood", async () => {
    const xml =
      '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>';
    expect(await verdictOf("model.pmml", xml)).toEqual(["incomplete", "not-understood", ""]);
    expect(await verdictOf("plain.pmml", "<PMML/>")).toEqual(["safe", "harmless", ""]);
  });

  it("in which something unsafe was found is not harmless by its kind", async () => {
    const calls = '{"py/reduce": [{"py/function": "os.mkdir"}, {"py/tuple": ["x"]}]}';
    expect(await verdictOf("made.json", calls)).toEqual([
      "unsafe",
      "examined",
      expect.stringContaining("WB5"),
    ]);
  });
});
