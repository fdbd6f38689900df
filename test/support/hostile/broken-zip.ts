import { zipBytes } from "../zip-bytes.ts";
import { hostileFiles, type Case, type HostileFile } from "./hostile-file.ts";
import { archive, counting, dictOf, tensor } from "./torch-files.ts";

const ONE = dictOf(tensor());
const RECORD = { name: "m/data/0", data: counting(24) };

const ZIPS: readonly Case[] = [
  ["zip-truncated", "lost its last 100 bytes", "WB3101", () => archive(ONE).subarray(0, -100)],
  [
    "zip-bytes-behind",
    "has bytes behind its end",
    1,
    () => archive(ONE, { "0": 24 }, [], { after: Buffer.from("\n") }),
  ],
  [
    "zip-bytes-before",
    "has its entries behind other bytes that look like one",
    "WB3101",
    () =>
      archive(ONE, { "0": 24 }, [], {
        before: Buffer.from("PK\u0003\u0004--"),
        directoryBegin: 40,
      }),
  ],
  [
    "zip-count-high",
    "counts one entry too many",
    "WB3101",
    () => archive(ONE, { "0": 24 }, [], { entryCount: 4 }),
  ],
  [
    "zip-count-low",
    "counts one entry too few",
    "WB3101",
    () => archive(ONE, { "0": 24 }, [], { entryCount: 2 }),
  ],
  [
    "zip-directory-elsewhere",
    "has its directory elsewhere",
    "WB3101",
    () => archive(ONE, { "0": 24 }, [], { directoryBegin: 3 }),
  ],
  [
    "zip-directory-outside",
    "has its directory outside of the file",
    "WB3101",
    () => archive(ONE, { "0": 24 }, [], { directoryBegin: 0xfffffff0 }),
  ],
  [
    "zip-volumes",
    "is one of several volumes",
    "WB4101",
    () => archive(ONE, { "0": 24 }, [], { disk: 1 }),
  ],
  [
    "zip-two-sizes",
    "has a stored entry with two sizes",
    "WB3101",
    () => archive(ONE, {}, [{ ...RECORD, directory: { uncompressed: 500 } }]),
  ],
  [
    "zip-size-64-missing",
    "has a 64-bit size without its field",
    "WB3101",
    () =>
      archive(ONE, {}, [
        { ...RECORD, directory: { compressed: 0xffffffff, uncompressed: 0xffffffff } },
      ]),
  ],
  [
    "zip-entry-past-end",
    "has an entry that reaches into the directory",
    "WB3102",
    () => archive(ONE, {}, [{ ...RECORD, directory: { compressed: 60, uncompressed: 60 } }]),
  ],
  [
    "zip-entry-outside",
    "has an entry outside of the file",
    "WB3102",
    () => archive(ONE, {}, [{ ...RECORD, directory: { localBegin: 99999 } }]),
  ],
  [
    "zip-entry-shifted",
    "leads to the middle of an entry",
    "WB3102",
    () => archive(ONE, {}, [{ ...RECORD, directory: { localBegin: 1 } }]),
  ],
  [
    "zip-encrypted",
    "is encrypted",
    "WB4101",
    () => archive(ONE, {}, [{ ...RECORD, directory: { flags: 0x801 }, local: { flags: 0x801 } }]),
  ],
  [
    "zip-no-pickle",
    "holds no data.pkl",
    "WB3301",
    () => zipBytes([{ name: "word/document.xml", data: counting(3) }]),
  ],
  [
    "zip-byte-order",
    "has a byte order of its own",
    "WB3301",
    () => archive(ONE, { "0": 24 }, [{ name: "m/byteorder", data: Buffer.from("middle") }]),
  ],
];

export const BROKEN_ZIPS: readonly HostileFile[] = hostileFiles("broken", "torch", ZIPS);
