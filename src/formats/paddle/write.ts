import { WbError } from "../../errors/wb-error.ts";
import { DTYPES } from "../../tensor/dtype.ts";
import { shownName } from "../../tensor/shown-name.ts";
import type { FilePlan, PlannedTensor, Segment } from "../file-plan.ts";
import { PickleWriter } from "../pickle/write.ts";

/** `numpy.core` is the module's name for numpy 1 and, by an alias, for numpy 2. */
const MULTIARRAY = "numpy.core.multiarray";

/**
 * A `.pdparams` as paddle.save writes a state dict with protocol 4: a dict of numpy arrays, and the name table at its end.
 * Arrays are in C order.
 */
export function planPaddleFile<T extends PlannedTensor>(
  name: string,
  tensors: readonly T[],
): FilePlan<T> {
  const writer = new PickleWriter().proto(4).emptyDict();
  const segments: Segment<T>[] = [];
  for (const tensor of tensors) {
    writer.mark().text(tensor.name);
    arrayHead(writer, tensor, name);
    segments.push({ kind: "bytes", bytes: writer.take() }, { kind: "tensor", tensor });
    // (version, shape, dtype, is Fortran, data), then BUILD; the entry is set one by one, so that memory stays flat.
    writer.tuple().build().setItems();
  }
  writer.mark().text("StructuredToParameterName@@").emptyDict();
  if (tensors.length > 0) {
    writer.mark();
    for (const tensor of tensors) writer.text(tensor.name).text(tensor.name);
    writer.setItems();
  }
  segments.push({ kind: "bytes", bytes: writer.setItems().stop().take() });
  return { name, segments, needsCrc32: false };
}

/** Everything of an array up to the bytes of its data. */
function arrayHead(writer: PickleWriter, tensor: PlannedTensor, file: string): void {
  const code = DTYPES[tensor.dtype].paddle;
  if (code === null) {
    throw new WbError(
      "WB4901",
      `${file}: tensor ${shownName(tensor.name)} is ${tensor.dtype}, which Paddle's files cannot hold`,
      {
        details: { tensor: tensor.name, dtype: tensor.dtype },
      },
    );
  }
  writer.global(MULTIARRAY, "_reconstruct").mark().global("numpy", "ndarray").integers([0]);
  writer.shortBytes(Uint8Array.of(0x62)).tuple().reduce();
  writer.mark().integer(1).integers(tensor.shape);
  numpyDtype(writer, code);
  writer.bool(false).bytesHead(tensor.byteLength);
}

/** numpy.dtype(code, False, True) built with (3, "<" or "|", None, None, None, −1, −1, 0). */
function numpyDtype(writer: PickleWriter, code: string): void {
  writer.global("numpy", "dtype").mark().text(code).bool(false).bool(true).tuple().reduce();
  writer
    .mark()
    .integer(3)
    .text(code.endsWith("1") ? "|" : "<")
    .none()
    .none()
    .none();
  writer.integer(-1).integer(-1).integer(0).tuple().build();
}
