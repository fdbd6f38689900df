import { WbError } from "../../errors/wb-error.ts";
import { elementCount } from "../../tensor/shape.ts";
import type { Ops, Weight, WeightBlocks, WeightBytes } from "../backends/ops.ts";
import type { RowRange, WeightSource } from "./weights.ts";

/** A parameter in host memory: in its quantised blocks where the device keeps such, else in a plain dtype. */
export type HostWeight = WeightBytes | WeightBlocks;

/** Reads a parameter, or some of its rows, as the device takes it. */
export function readWeight(
  { quantised }: Ops,
  source: WeightSource,
  name: string,
  rows?: RowRange,
): Promise<HostWeight> {
  const type = source.facts(name)?.blocks;
  const isKept = type !== undefined && quantised?.elementBytes(type) !== undefined;
  const { readBlocks } = source;
  return isKept && readBlocks !== undefined ? readBlocks(name, rows) : source.read(name, rows);
}

/** Copies a parameter to the device. */
export function toDevice(ops: Ops, parameter: HostWeight): Weight {
  if (!("type" in parameter)) return ops.uploadWeight(parameter);
  if (ops.quantised !== undefined) return ops.quantised.upload(parameter);
  throw new WbError("WB7001", `${parameter.name}: the device takes no quantised blocks`);
}

/** Bytes that a parameter takes on the device. */
export function bytesOnDevice(ops: Ops, parameter: HostWeight): number {
  const each =
    "type" in parameter
      ? ops.quantised?.elementBytes(parameter.type)
      : ops.weightElementBytes(parameter.dtype);
  return (elementCount(parameter.shape) ?? 0) * (each ?? 0);
}
