import { WbError } from "../../errors/wb-error.ts";
import { decodeValues } from "../../tensor/decode.ts";
import type { StoredTensor } from "../../tensor/table.ts";
import { describeValue } from "../pickle/stack.ts";
import type { PickleValue } from "../pickle/value.ts";
import type { Quantizer } from "./affine.ts";
import { readElements } from "./elements.ts";
import { DTYPE_OF_CODES, malformed, parseStorageRef } from "./storage.ts";
import { parsePlace, parseTorchTensor, type RebuildCall, type TorchTensor } from "./tensor.ts";

/** A quantised tensor as its rebuild call describes it. */
export interface AffineTensor {
  /** The codes, as whole numbers. */
  readonly codes: TorchTensor;
  readonly quantizer:
    | { readonly kind: "tensor"; readonly scale: number; readonly zeroPoint: number }
    | {
        readonly kind: "channel";
        readonly scales: Numbers;
        readonly zeroPoints: Numbers;
        readonly axis: number;
      };
}

/** Numbers of a list, or of a tensor that is stored like any other. */
type Numbers = readonly number[] | TorchTensor;

/** True for a rebuild call of a quantised tensor. */
export function isAffine({ name }: RebuildCall): boolean {
  return name === "_rebuild_qtensor";
}

/**
 * Reads (storage, offset, size, stride, (scheme, …), requires_grad, hooks): torch/_utils.py of v2.6.0, `_rebuild_qtensor`.
 * @throws WbError WB3302, WB4303 for storages of codes narrower than a byte.
 */
export function parseAffine({ items }: RebuildCall, where: string): AffineTensor {
  const storage = parseStorageRef(items[0], where, DTYPE_OF_CODES);
  if (storage.dtype === undefined) throw malformed(where, "its storage has no dtype");
  const place = parsePlace(items, where);
  const codes = { ...place, storage, dtype: storage.dtype };
  const parameters = items[4];
  const [scheme, first, second, axis] =
    typeof parameters === "object" && parameters?.kind === "tuple" ? parameters.items : [];
  const name = typeof scheme === "object" && scheme?.kind === "global" ? scheme.name : undefined;
  switch (name) {
    case "per_tensor_affine": {
      const [scale, zeroPoint] = [numberIn(first), numberIn(second)];
      if (scale === undefined || zeroPoint === undefined || !Number.isInteger(zeroPoint))
        throw malformed(where, "its scale and zero point are no numbers");
      return { codes, quantizer: { kind: "tensor", scale, zeroPoint } };
    }
    case "per_channel_affine": {
      const at = numberIn(axis) ?? Number.NaN;
      const channels = codes.shape[at];
      const scales = numbersIn(first, channels, where);
      const zeroPoints = numbersIn(second, channels, where);
      refuseMixed(codes, at, where);
      return { codes, quantizer: { kind: "channel", scales, zeroPoints, axis: at } };
    }
    default:
      throw malformed(where, `its scheme is ${describeValue(scheme)}`);
  }
}

/**
 * Reads the scales of a quantised tensor.
 * @param first Element of the codes' source that is the tensor's first.
 * @throws WbError WB3302 for scales that are no numbers.
 */
export async function readQuantizer(
  { codes, quantizer }: AffineTensor,
  first: number,
  place: (tensor: TorchTensor) => StoredTensor,
  where: string,
): Promise<Quantizer> {
  if (quantizer.kind === "tensor") return quantizer;
  const { scales, zeroPoints, axis } = quantizer;
  return {
    kind: "channel",
    scales: await valuesOf(scales, place, where),
    zeroPoints: await valuesOf(zeroPoints, place, where),
    isDouble: !("dtype" in scales) || scales.dtype === "F64",
    first,
    step: codes.strides[axis] ?? 1,
  };
}

async function valuesOf(
  numbers: Numbers,
  place: (tensor: TorchTensor) => StoredTensor,
  where: string,
): Promise<Float64Array> {
  if (!("dtype" in numbers)) return Float64Array.from(numbers);
  const bytes = await readElements(place(numbers), 0, numbers.shape[0] ?? 0);
  const values = decodeValues(bytes, numbers.dtype);
  if (values !== undefined) return values;
  throw malformed(where, `its scales are ${numbers.dtype}`);
}

function numberIn(value: PickleValue | undefined): number | undefined {
  if (typeof value === "number") return value;
  return typeof value === "object" && value?.kind === "float" ? value.value : undefined;
}

/** One number for each channel. */
function numbersIn(
  value: PickleValue | undefined,
  channels: number | undefined,
  where: string,
): Numbers {
  const isList = typeof value === "object" && value?.kind === "list";
  const numbers = isList
    ? value.items.map((item) => numberIn(item) ?? Number.NaN)
    : parseTorchTensor(value ?? null, `${where}: its scales`);
  const count = "dtype" in numbers ? numbers.shape[0] : numbers.length;
  const isVector = !("dtype" in numbers) || numbers.shape.length === 1;
  if (isVector && channels !== undefined && count === channels) return numbers;
  throw malformed(where, "it has not one scale and one zero point for each channel");
}

/** The channel of an element is told by its place in the storage, which a slice across the channels does not allow. */
function refuseMixed({ shape, strides }: TorchTensor, axis: number, where: string): void {
  const step = strides[axis] ?? 1;
  const around = step * (shape[axis] ?? 1);
  let inside = 0;
  for (const [other, size] of shape.entries()) {
    const stride = strides[other] ?? 1;
    if (other === axis || size === 1) continue;
    if (stride >= step && stride % around === 0 && stride > 0) continue;
    inside += (size - 1) * stride;
  }
  if (inside < Math.max(step, 1)) return;
  throw new WbError(
    "WB4301",
    `${where}: the tensor is quantised per channel, and a slice of one that is stored with gaps; save a copy of it (Tensor.contiguous)`,
    { details: { where } },
  );
}
