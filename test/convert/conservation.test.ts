import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { convert } from "../../src/api/convert.ts";
import { inspect } from "../../src/api/inspect.ts";
import { REAL_FILE_SYSTEM, type FileSystem } from "../../src/convert/staging/file-system.ts";
import { caught, factOf } from "../support/caught.ts";
import { archive, archiveParts, dictOf, tensor } from "../support/hostile/torch-files.ts";
import { safetensorsBytes } from "../support/safetensors-file.ts";
import { zipBytes } from "../support/zip-bytes.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "weighbridge-conservation-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function put(bytes: Uint8Array, name = "m.pt"): string {
  mkdirSync(join(folder, "in"), { recursive: true });
  writeFileSync(join(folder, "in", name), bytes);
  return join(folder, "in", name);
}
const out = (): string => join(folder, "out");

/** The archive with one byte of its storage flipped, as a disk or a download does it. */
function flipped(pieces = dictOf(tensor())): Uint8Array {
  const bytes = Buffer.from(zipBytes(archiveParts(pieces)));
  const at = bytes.indexOf(Buffer.from([0, 1, 2, 3, 4, 5, 6, 7]));
  bytes[at] = 0xff;
  return bytes;
}

const noted = (): string =>
  put(
    safetensorsBytes(
      '{"__metadata__":{"ss_epoch":"7","format":"pt"},"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
      4,
    ),
    "lora.safetensors",
  );

describe("before anything is written", () => {
  it.each([
    [
      "a name that is safetensors' own",
      archive(dictOf(tensor({}, {}, "__metadata__"))),
      "safetensors",
    ],
    [
      "a name with half of a surrogate pair",
      archive(
        dictOf(
          tensor().map((piece) =>
            Array.isArray(piece) && piece[1] === "w"
              ? ["BINUNICODE", Uint8Array.of(0xed, 0xa0, 0x80)]
              : piece,
          ),
        ),
      ),
      "safetensors",
    ],
    ["Paddle's own table", archive(dictOf(tensor({}, {}, "UnpackBigParamInfor@@"))), "paddle"],
    [
      "more dimensions than Paddle reads",
      safetensorsBytes(
        `{"w":{"dtype":"F32","shape":[${Array.from({ length: 65 }, () => 1).join(",")}],"data_offsets":[0,4]}}`,
        4,
      ),
      "paddle",
    ],
  ] as const)("%s is refused", async (_what, bytes, to) => {
    const error = await caught(() => convert(put(bytes), out(), { to }));
    expect(error.code).toBe("WB4903");
  });

  it("a few bytes that stand for gigabytes ask for an option", async () => {
    const path = put(archive(dictOf(tensor({ shape: [20_000_000, 6], strides: [0, 1] }))));
    const error = await caught(() => convert(path, out()));
    expect([error.code, factOf(error, "elements")]).toEqual(["WB4904", 6]);
    const allowed = await convert(path, out(), { allowExpansion: true, dryRun: true });
    expect(allowed.tensors).toHaveLength(1);
  });
});

describe("while it is read", () => {
  it.each([
    ["copied whole", flipped()],
    ["read in parts", flipped(dictOf(tensor({ offset: 1, shape: [3], strides: [2] })))],
  ])("a record whose checksum is wrong ends a conversion: %s", async (_how, bytes) => {
    expect((await caught(() => convert(put(bytes), out()))).code).toBe("WB3104");
  });

  it("a checksum of 0 was never computed", async () => {
    const bytes = Buffer.from(flipped());
    for (
      let at = bytes.indexOf("PK\u0001\u0002");
      at >= 0;
      at = bytes.indexOf("PK\u0001\u0002", at + 1)
    )
      bytes.writeUInt32LE(0, at + 16);
    expect((await convert(put(bytes), out())).verified).toBe(true);
  });

  it("a source that changes ends a conversion, which leaves nothing behind", async () => {
    const path = put(archive(dictOf(tensor())));
    const error = await caught(() =>
      convert(path, out(), { onProgress: () => utimesSync(path, 1, 1) }),
    );
    expect(error.code).toBe("WB3010");
    expect((await caught(() => inspect(out()))).code).toBe("WB3001");
  });

  it("a link to itself is a fault of the input", async () => {
    symlinkSync("loop", join(folder, "loop"));
    expect((await caught(() => convert(join(folder, "loop"), out()))).code).toBe("WB3009");
  });
});

describe("what goes along", () => {
  it("is the metadata of safetensors, into safetensors", async () => {
    await convert(noted(), out());
    const { metadata } = await inspect(out());
    expect(metadata).toEqual({ ss_epoch: "7", format: "pt" });
  });

  it("is named where the target has no place for it", async () => {
    const { dropped } = await convert(noted(), out(), { to: "pytorch" });
    expect(dropped).toEqual([
      { name: "__metadata__", why: "pytorch files have no place for it (ss_epoch)" },
    ]);
  });

  it("is told in a dry run as in a conversion", async () => {
    const path = put(archive(dictOf(tensor()), { "0": 24, "1": 8 }));
    const dry = await convert(path, out(), { dryRun: true });
    const done = await convert(path, out());
    expect(dry.dropped).toEqual(done.dropped);
    expect(dry.plan).toContain("1 dropped");
  });

  it("is no claim of torch's layout for Paddle's weights", async () => {
    const paddle = join(import.meta.dirname, "../../fixtures/internlm-tiny/model_state.pdparams");
    await convert(paddle, out(), { architecture: "none" });
    expect(readFileSync(join(out(), "model.safetensors"), "latin1")).not.toContain('"format"');
  });
});

function spoilt(bytes: Uint8Array, position: number): Uint8Array {
  return position === 0 ? Buffer.from(bytes).fill("!", 8, 9) : bytes;
}

/** A disk that writes one letter of a file's header wrong, outside of the tensors that are read back. */
const BAD_HEADER: FileSystem = {
  ...REAL_FILE_SYSTEM,
  openForWriting: async (path, flags) => {
    const file = await REAL_FILE_SYSTEM.openForWriting(path, flags);
    return {
      ...file,
      write: (bytes, position) => file.write(spoilt(bytes, position), position),
      writeNow: (bytes, position) => file.writeNow(spoilt(bytes, position), position),
    };
  },
};

describe("what was written", () => {
  it("is opened again before it gets its name, header and all", async () => {
    const path = put(archive(dictOf(tensor())));
    const error = await caught(() => convert(path, out(), { fileSystem: BAD_HEADER }));
    expect(error.code).toBe("WB1902");
    expect(error.message).toContain("cannot be opened again");
  });

  it.each(["safetensors", "pytorch", "paddle"] as const)(
    "may be called like a counter or a tool's word, in %s",
    async (to) => {
      const scalar = { shape: [], strides: [] };
      const path = put(archive(dictOf(tensor(), tensor(scalar, {}, "epoch"))));
      const selection = { select: ".", rename: ["w=module.w"] };
      const { tensors } = await convert(path, out(), { to, selection });
      expect(tensors.map((one) => one.to).sort()).toEqual(["epoch", "module.w"]);
    },
  );
});
