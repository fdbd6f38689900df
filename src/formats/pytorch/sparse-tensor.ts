import type { StoredTensor } from "../../tensor/table.ts";
import { describeValue } from "../pickle/stack.ts";
import type { PickleValue } from "../pickle/value.ts";
import { malformed } from "./storage.ts";
import { parseSizes, parseTorchTensor, type RebuildCall, type TorchTensor } from "./tensor.ts";

const LAYOUTS = ["coo", "csr", "csc", "bsr", "bsc"] as const;
export type SparseLayout = (typeof LAYOUTS)[number];

/** A sparse tensor as its rebuild call describes it. */
export interface SparseTensor {
  readonly layout: SparseLayout;
  /** Of the dense form. */
  readonly shape: readonly number[];
  /** COO: [sparse dimensions, entries]; else [*batch, entries]: columns of CSR and BSR, rows of CSC and BSC. */
  readonly indices: TorchTensor;
  /** Compressed layouts: [*batch, rows or columns + 1], where in `indices` each begins. */
  readonly pointers: TorchTensor | undefined;
  /** [*batch, entries, *block, *dense dimensions]. */
  readonly values: TorchTensor;
}

/** The stored parts of a sparse tensor. */
export interface SparseParts {
  readonly pointers: StoredTensor | undefined;
  readonly indices: StoredTensor;
  readonly values: StoredTensor;
}

/** True for a rebuild call of a sparse tensor. */
export function isSparse({ name }: RebuildCall): boolean {
  return name === "_rebuild_sparse_tensor" || name === "_rebuild_sparse_csr_tensor";
}

/**
 * Reads (layout, (indices, values, size[, is coalesced])) or (layout, (pointers, indices, values, size)): torch/_utils.py of v2.6.0,
 * `_rebuild_sparse_tensor`. Whether it is coalesced is not taken on trust: entries at one place are added in any case.
 * @throws WbError WB3302, and those of a plain tensor for its parts.
 */
export function parseSparse({ items }: RebuildCall, where: string): SparseTensor {
  const [layoutValue, data] = items;
  const layout = parseLayout(layoutValue, where);
  if (typeof data !== "object" || data?.kind !== "tuple")
    throw malformed(where, `its sparse parts are ${describeValue(data)}, expected a tuple`);
  const parts = layout === "coo" ? [null, ...data.items] : data.items;
  const [pointers = null, indices = null, values = null, size] = parts;
  return {
    layout,
    shape: parseSizes(size, "shape", where),
    pointers:
      layout === "coo" ? undefined : parseTorchTensor(pointers, `${where}: its compressed indices`),
    indices: parseTorchTensor(indices, `${where}: its indices`),
    values: parseTorchTensor(values, `${where}: its values`),
  };
}

/** `torch.serialization._get_layout("torch.sparse_coo")`, or the layout itself. */
function parseLayout(value: PickleValue | undefined, where: string): SparseLayout {
  const isCall = typeof value === "object" && value?.kind === "reduce";
  const isGlobal = typeof value === "object" && value?.kind === "global";
  const name =
    isCall && value.callable.name === "_get_layout"
      ? value.args.items[0]
      : isGlobal
        ? `${value.module}.${value.name}`
        : undefined;
  const layout = LAYOUTS.find((one) => name === `torch.sparse_${one}`);
  if (layout !== undefined) return layout;
  const found = typeof name === "string" ? name : describeValue(value);
  throw malformed(where, `its layout is ${found}, expected one of torch's sparse layouts`);
}
