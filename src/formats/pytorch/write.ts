import { WbError } from "../../errors/wb-error.ts";
import type { Dtype } from "../../tensor/dtype.ts";
import { elementCount, rowMajorStrides } from "../../tensor/shape.ts";
import type { FilePlan, PlannedTensor } from "../file-plan.ts";
import { PickleWriter } from "../pickle/write.ts";
import { ZipPlan } from "../archive/zip-plan.ts";

const STORAGE_OF_DTYPE: Readonly<Partial<Record<Dtype, string>>> = {
  BOOL: "BoolStorage",
  U8: "ByteStorage",
  I8: "CharStorage",
  I16: "ShortStorage",
  F16: "HalfStorage",
  BF16: "BFloat16Storage",
  I32: "IntStorage",
  F32: "FloatStorage",
  C64: "ComplexFloatStorage",
  F64: "DoubleStorage",
  I64: "LongStorage",
  C128: "ComplexDoubleStorage",
};

/** dtypes without a storage type of their own: `_rebuild_tensor_v3` names them. */
const NAME_OF_DTYPE: Readonly<Partial<Record<Dtype, string>>> = {
  U16: "uint16",
  U32: "uint32",
  U64: "uint64",
  F8_E4M3: "float8_e4m3fn",
  F8_E5M2: "float8_e5m2",
  F8_E4M3FNUZ: "float8_e4m3fnuz",
  F8_E5M2FNUZ: "float8_e5m2fnuz",
  F8_E8M0: "float8_e8m0fnu",
};

/**
 * A zip as torch.save writes it (torch v2.6.0, torch/serialization.py, `_save`), with the records aligned to 64 bytes for
 * mmap, and with true checksums. Its pickle uses only names that `weights_only=True` allows.
 * @param name The file's name; its stem becomes the archive's folder.
 */
export function planPytorchFile<T extends PlannedTensor>(
  name: string,
  tensors: readonly T[],
): FilePlan<T> {
  const zip = new ZipPlan<T>(name.replace(/\.[^.]*$/, ""));
  zip.bytes("data.pkl", statePickle(tensors, name));
  zip.bytes(".format_version", Buffer.from("1"));
  zip.bytes(".storage_alignment", Buffer.from("64"));
  zip.bytes("byteorder", Buffer.from("little"));
  for (const [key, tensor] of tensors.entries()) zip.tensor(`data/${key}`, tensor);
  zip.bytes("version", Buffer.from("3\n"));
  return { name, segments: zip.finish(), needsCrc32: true };
}

function statePickle(tensors: readonly PlannedTensor[], file: string): Uint8Array {
  const writer = new PickleWriter()
    .proto(2)
    .global("collections", "OrderedDict")
    .emptyTuple()
    .reduce();
  if (tensors.length > 0) {
    writer.mark();
    for (const [key, tensor] of tensors.entries()) {
      writer.text(tensor.name);
      tensorCall(writer, tensor, String(key), file);
    }
    writer.setItems();
  }
  return writer.stop().take();
}

/** `_rebuild_tensor_v2`(storage, 0, size, stride, False, OrderedDict()), or `_v3` with a dtype at the end. */
function tensorCall(writer: PickleWriter, tensor: PlannedTensor, key: string, file: string): void {
  const storage = STORAGE_OF_DTYPE[tensor.dtype];
  const name = NAME_OF_DTYPE[tensor.dtype];
  if (storage === undefined && name === undefined) {
    throw new WbError(
      "WB4901",
      `${file}: tensor ${tensor.name} is ${tensor.dtype}, which torch.save cannot hold`,
      {
        details: { tensor: tensor.name, dtype: tensor.dtype },
      },
    );
  }
  writer
    .global("torch._utils", storage === undefined ? "_rebuild_tensor_v3" : "_rebuild_tensor_v2")
    .mark();
  writer.mark().text("storage");
  if (storage === undefined) writer.global("torch.storage", "UntypedStorage");
  else writer.global("torch", storage);
  const length = storage === undefined ? tensor.byteLength : (elementCount(tensor.shape) ?? 0);
  writer.text(key).text("cpu").integer(length).tuple().persistentId();
  writer.integer(0).integers(tensor.shape).integers(rowMajorStrides(tensor.shape)).bool(false);
  writer.global("collections", "OrderedDict").emptyTuple().reduce();
  if (storage === undefined && name !== undefined) writer.global("torch", name);
  writer.tuple().reduce();
}
