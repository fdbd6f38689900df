import { pickleBytes } from "../pickle-bytes.ts";
import { hostileFiles, type Case, type HostileFile } from "./hostile-file.ts";
import { tarBytes, torchTar } from "./tar-files.ts";
import { counting, dictOf, legacyBytes, legacyStorage, legacyTensor } from "./torch-files.ts";

const OLD: readonly Case[] = [
  [
    "legacy-truncated",
    "lost the last byte of its storage",
    "WB3304",
    () => legacyBytes().subarray(0, -1),
  ],
  [
    "legacy-count",
    "has another number of elements before its storage",
    "WB3304",
    () => legacyBytes({ storages: [legacyStorage(5n, 24)] }),
  ],
  [
    "legacy-count-negative",
    "has a negative number of elements",
    "WB3304",
    () => legacyBytes({ storages: [legacyStorage(-1n, 24)] }),
  ],
  [
    "legacy-no-key",
    "is of a torch before 1.6 and leaves a storage out of its list",
    "WB3304",
    () => legacyBytes({ keys: ["EMPTY_LIST", "STOP"], storages: [] }),
  ],
  [
    "legacy-key-unknown",
    "lists a storage that no tensor has",
    "WB3304",
    () => legacyBytes({ keys: ["EMPTY_LIST", ["BINUNICODE", "1"], "APPEND", "STOP"] }),
  ],
  [
    "legacy-keys-none",
    "has no list of keys",
    "WB3301",
    () => legacyBytes({ keys: ["NONE", "STOP"] }),
  ],
  [
    "legacy-two-dtypes",
    "is of a torch before 1.6 and names one storage with two dtypes",
    "WB3304",
    () =>
      legacyBytes({
        root: dictOf(
          legacyTensor(),
          legacyTensor({ shape: [12], strides: [1] }, { type: "HalfStorage", length: 12 }, "v"),
        ),
      }),
  ],
  ["tar-truncated", "lost half of its bytes", "WB3103", () => torchTar().subarray(0, 3600)],
  [
    "tar-checksum",
    "has a second header with a wrong checksum",
    "WB3103",
    () =>
      tarBytes([
        { name: "sys_info", data: counting(3) },
        { name: "pickle", data: counting(3), checksumError: 1 },
      ]),
  ],
  [
    "tar-size",
    "has an entry that reaches past the end of the file",
    "WB3103",
    () => tarBytes([{ name: "pickle", data: counting(3), size: "77777777777" }]),
  ],
  [
    "tar-same-name",
    "has two entries of one name",
    "WB5101",
    () =>
      tarBytes([
        { name: "pickle", data: pickleBytes("NONE", "STOP") },
        { name: "pickle", data: pickleBytes("NONE", "STOP") },
      ]),
  ],
  ["tar-no-tensors", "lacks the entry tensors", "WB3301", () => torchTar({ leaveOut: "tensors" })],
  [
    "tar-elements",
    "has a storage of 2^62 elements",
    "WB3304",
    () => torchTar({ storageElements: 2n ** 62n }),
  ],
  [
    "tar-elements-negative",
    "has a storage of a negative number of elements",
    "WB3304",
    () => torchTar({ storageElements: -1n }),
  ],
  [
    "tar-dimensions",
    "has a tensor of 2^31 − 1 dimensions",
    "WB3302",
    () => torchTar({ dimensions: 2 ** 31 - 1 }),
  ],
  [
    "tar-sizes",
    "has a tensor that reaches past its storage",
    "WB3303",
    () => torchTar({ sizes: [2n, 3n, 3n, 1n, 1n] }),
  ],
  [
    "tar-sizes-negative",
    "has a tensor with a negative size",
    "WB3302",
    () => torchTar({ sizes: [-2n, 3n, 3n, 1n, 0n] }),
  ],
  [
    "tar-view",
    "has a part of a storage that is not there",
    "WB3302",
    () => torchTar({ views: ["EMPTY_LIST", "NONE", "APPEND", "STOP"] }),
  ],
];

/** Files of torch before 1.6 and of torch before 0.1.10. */
export const BROKEN_LEGACY: readonly HostileFile[] = hostileFiles("broken", "torch", OLD);
