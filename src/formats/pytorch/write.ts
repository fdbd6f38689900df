import { WbError } from "../../errors/wb-error.ts";
import { dtypeRow } from "../../tensor/dtype.ts";
import { elementCount, renderShape, rowMajorStrides } from "../../tensor/shape.ts";
import { shownName } from "../../tensor/shown-name.ts";
import type { FilePlan, PlannedTensor } from "../file-plan.ts";
import { PickleWriter } from "../pickle/write.ts";
import { ZipPlan } from "../archive/zip-plan.ts";

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
  const { storage, torch: name, torchPacked } = dtypeRow(tensor.dtype);
  const shape = torchPacked === undefined ? tensor.shape : packedShape(tensor, torchPacked);
  if (name === null || shape === undefined) {
    throw new WbError(
      "WB4901",
      `${file}: tensor ${shownName(tensor.name)} is ${tensor.dtype} ${renderShape(tensor.shape)}, which torch.save cannot hold`,
      { details: { tensor: tensor.name, dtype: tensor.dtype } },
    );
  }
  const elements = elementCount(shape);
  if (elements === undefined) throw new WbError("WB7001", `${file}: ${tensor.name}: no such shape`);
  writer
    .global("torch._utils", storage === null ? "_rebuild_tensor_v3" : "_rebuild_tensor_v2")
    .mark();
  writer.mark().text("storage");
  if (storage === null) writer.global("torch.storage", "UntypedStorage");
  else writer.global("torch", storage);
  const length = storage === null ? tensor.byteLength : elements;
  writer.text(key).text("cpu").integer(length).tuple().persistentId();
  writer.integer(0).integers(shape).integers(rowMajorStrides(shape)).bool(false);
  writer.global("collections", "OrderedDict").emptyTuple().reduce();
  if (storage === null) writer.global("torch", name);
  writer.tuple().reduce();
}

/** torch counts the bytes of several elements along the last axis; undefined where they do not fill whole bytes. */
function packedShape({ shape }: PlannedTensor, packed: number): readonly number[] | undefined {
  const last = shape.at(-1);
  if (last === undefined || last % packed !== 0) return undefined;
  return [...shape.slice(0, -1), last / packed];
}
