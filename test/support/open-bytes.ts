import { detectFormat } from "../../src/formats/detect.ts";
import { parseIndex } from "../../src/formats/sets/index-file.ts";
import { openGguf } from "../../src/formats/gguf/read.ts";
import { readNpz } from "../../src/formats/numpy/npz.ts";
import { openPaddleBinary } from "../../src/formats/paddle/binary.ts";
import { readPaddle } from "../../src/formats/paddle/read.ts";
import { readPytorchLegacy } from "../../src/formats/pytorch/legacy.ts";
import { readPytorchTar } from "../../src/formats/pytorch/tar.ts";
import { readPytorchZip } from "../../src/formats/pytorch/zip.ts";
import { readSafetensors } from "../../src/formats/safetensors/read.ts";
import { memorySource, type FileSource } from "../../src/sources/file.ts";
import { assemblyOf, wholeView } from "../../src/mapping/assembly.ts";
import { readAssembly } from "../../src/mapping/read-assembly.ts";
import { elementCount } from "../../src/tensor/shape.ts";
import type { StoredTensor } from "../../src/tensor/table.ts";

/** Bytes as if they were a file. */
export function fileOf(bytes: Uint8Array, label = "file"): FileSource {
  return {
    ...memorySource(bytes, label),
    close: () => Promise.resolve(),
  };
}

/** The tensors of a file's bytes, its format told by them as on disk. */
export async function openBytes(bytes: Uint8Array): Promise<readonly StoredTensor[]> {
  const source = fileOf(bytes);
  const format = await detectFormat(source);
  switch (format) {
    case "pytorch-zip":
      return (await readPytorchZip(source)).tensors;
    case "pytorch-legacy":
      return (await readPytorchLegacy(source)).tensors;
    case "pytorch-tar":
      return (await readPytorchTar(source)).tensors;
    case "paddle":
      return (await readPaddle(source)).tensors;
    case "paddle-binary":
      return (await openPaddleBinary(source, ".")).tensors;
    case "safetensors":
      return (await readSafetensors(source)).tensors;
    case "npz":
      return (await readNpz(source)).tensors;
    case "gguf":
      return (await openGguf(source)).tensors;
    case "index":
      parseIndex(bytes, "file");
      return [];
    default:
      return format satisfies never;
  }
}

/** More elements than a damaged file of this size can rightly have: its strides repeat elements. */
const MAX_ELEMENTS = 1_000_000;

/** As `openBytes`, and reads every tensor that a small file can hold. */
export async function readAllBytes(bytes: Uint8Array): Promise<number> {
  let read = 0;
  for (const tensor of await openBytes(bytes)) {
    if ((elementCount(tensor.shape) ?? Number.POSITIVE_INFINITY) > MAX_ELEMENTS) continue;
    read += (await readAssembly(assemblyOf(wholeView(tensor)))).byteLength;
  }
  return read;
}
