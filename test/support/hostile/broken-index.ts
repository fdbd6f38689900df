import { safetensorsBytes } from "../safetensors-file.ts";
import { hostileFiles, type Case, type HostileFile } from "./hostile-file.ts";
import { archive, dictOf, tensor } from "./torch-files.ts";

const INDEX = "model.safetensors.index.json";
const SHARD = safetensorsBytes('{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}', 8);
const OTHER = safetensorsBytes('{"v":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}', 8);

function folder(
  index: string,
  shards: Readonly<Record<string, Uint8Array>> = {},
): () => ReadonlyMap<string, Uint8Array> {
  return () => new Map([[INDEX, Buffer.from(index)], ...Object.entries(shards)]);
}

function map(entries: Readonly<Record<string, string>>): string {
  return JSON.stringify({ metadata: { total_size: 8 }, weight_map: entries });
}

const LEAVING: readonly (readonly [string, string, string])[] = [
  ["up", "names a shard in the folder above", "../outside.safetensors"],
  ["down-up", "names a shard by way down and up", "sub/../../outside.safetensors"],
  ["absolute", "names a shard by an absolute path", "/outside.safetensors"],
  ["drive", "names a shard on a drive", "C:\\outside.safetensors"],
  ["backslash", "names a shard with a backslash", "..\\outside.safetensors"],
  ["nul", "names a shard with a NUL", "outside.safetensors\u0000.bin"],
  ["empty", "names a shard with no name", ""],
  ["dot", "names the folder itself as a shard", "."],
];

const CASES: readonly Case[] = [
  ...LEAVING.map(([name, fact, shard]): Case => [
    `index-leaves-${name}`,
    fact,
    "WB5601",
    folder(map({ w: shard }), { "../outside.safetensors": SHARD }),
  ]),
  ["index-cut", "has an index that was cut", "WB3601", folder('{"weight_map": {"w": "a.safe')],
  ["index-no-map", "has an index without a weight_map", "WB3601", folder('{"metadata": {}}')],
  ["index-empty-map", "has an index that names nothing", "WB3601", folder(map({}))],
  ["index-number", "has a number for a shard's name", "WB3601", folder('{"weight_map": {"w": 1}}')],
  [
    "index-name-twice",
    "names a tensor twice",
    "WB3601",
    folder('{"weight_map": {"w": "a.safetensors", "w": "b.safetensors"}}', {
      "a.safetensors": SHARD,
      "b.safetensors": SHARD,
    }),
  ],
  ["index-itself", "names itself as a shard", "WB3601", folder(map({ w: INDEX }))],
  [
    "index-shard-missing",
    "names a shard that is missing",
    "WB3602",
    folder(map({ w: "a.safetensors" })),
  ],
  [
    "index-tensor-missing",
    "names a tensor that its shard has not",
    "WB3603",
    folder(map({ w: "a.safetensors", x: "a.safetensors" }), { "a.safetensors": SHARD }),
  ],
  [
    "index-tensor-elsewhere",
    "has a tensor in another shard than it says",
    "WB3603",
    folder(map({ w: "b.safetensors", v: "a.safetensors" }), {
      "a.safetensors": SHARD,
      "b.safetensors": OTHER,
    }),
  ],
  [
    "index-tensor-twice",
    "has a tensor in two shards",
    "WB3604",
    folder(map({ w: "a.safetensors", v: "b.safetensors" }), {
      "a.safetensors": SHARD,
      "b.safetensors": safetensorsBytes(
        '{"v":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"w":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}}',
        8,
      ),
    }),
  ],
  [
    "index-formats",
    "has shards of two formats",
    "WB3605",
    folder(map({ v: "a.safetensors", w: "b.bin" }), {
      "a.safetensors": OTHER,
      "b.bin": archive(dictOf(tensor())),
    }),
  ],
  [
    "index-shard-broken",
    "has a shard that is cut",
    "WB3504",
    folder(map({ w: "a.safetensors" }), { "a.safetensors": SHARD.subarray(0, -1) }),
  ],
  [
    "index-shard-pointer",
    "has a Git LFS pointer for a shard",
    "WB3004",
    folder(map({ w: "a.safetensors" }), {
      "a.safetensors": Buffer.from(
        "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 8\n",
      ),
    }),
  ],
  [
    "index-shard-page",
    "has a web page for a shard",
    "WB3005",
    folder(map({ w: "a.safetensors" }), {
      "a.safetensors": Buffer.from("<!DOCTYPE html><html>404</html>"),
    }),
  ],
  [
    "index-shard-empty",
    "has an empty file for a shard",
    "WB3007",
    folder(map({ w: "a.safetensors" }), { "a.safetensors": new Uint8Array(0) }),
  ],
  [
    "index-shard-foreign",
    "has a 7z archive for a shard",
    "WB4001",
    folder(map({ w: "a.safetensors" }), {
      "a.safetensors": Buffer.from("7z\xbc\xaf\x27\x1c and more of it", "latin1"),
    }),
  ],
];

export const BROKEN_INDEXES: readonly HostileFile[] = hostileFiles("broken", "transformers", CASES);
