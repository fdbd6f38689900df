import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import { WbError } from "../../../errors/wb-error.ts";

/**
 * End of the part of the WebAssembly heap that may be used, in bytes. The module's own pointers are signed 32-bit numbers:
 * beyond, XNNPACK fails, only prints a warning, and leaves the result as it was.
 */
export const WASM_HEAP_LIMIT = 2 ** 31;

/** What XNNPACK allocates around its packed weights, in bytes; the operator itself takes less than 1 KiB. */
const OPERATOR_BYTES = 2 ** 16;

/** Columns that XNNPACK's float32 kernels pack together; the last group is filled up with zeros. */
const PACKED_COLUMNS = 8;

/**
 * Watches the heap of a wasm backend. TensorFlow.js takes the address that `malloc` gives as it is, also 0 when there is
 * no memory left, and then computes with whatever is there; with the guard in place that is an error.
 */
export interface HeapGuard {
  /** @throws WbError WB6003 unless `bytes` can be allocated in one piece; they are free again afterwards. */
  reserve(bytes: number, what: string): void;
  /** As `reserve`, for a product [rows, inner] · [inner, columns] and the packed copy of its right side. */
  reserveProduct(rows: number, inner: number, columns: number): void;
}

interface Allocator {
  _malloc(this: void, bytes: number): number;
  _free(this: void, address: number): void;
}

function isAllocator(module: unknown): module is Allocator {
  return (
    typeof module === "object" &&
    module !== null &&
    "_malloc" in module &&
    typeof module._malloc === "function" &&
    "_free" in module &&
    typeof module._free === "function"
  );
}

/** Puts a checked `malloc` in the backend's place of the unchecked one. */
export function guardHeap(backend: BackendWasm): HeapGuard {
  const module: unknown = backend.wasm;
  if (!isAllocator(module)) {
    throw new WbError(
      "WB7001",
      "the WebAssembly module of TensorFlow.js no longer has malloc and free",
    );
  }
  // Emscripten's first malloc puts another function into its own place; only that one is worth wrapping.
  module._free(module._malloc(1));
  const malloc = module._malloc;
  const allocate = (bytes: number, what: string): number => {
    const address = malloc(bytes) >>> 0;
    if (bytes === 0 || (address !== 0 && address + bytes <= WASM_HEAP_LIMIT)) return address;
    if (address !== 0) module._free(address);
    throw new WbError(
      "WB6003",
      `the WebAssembly heap of 2 GiB has no room for ${what} of ${bytes} bytes`,
      {
        hint: "Use fewer or shorter prompts, or native TensorFlow (`weighbridge native install`).",
        details: { bytes, limit: WASM_HEAP_LIMIT },
      },
    );
  };
  const guarded = (bytes: number): number => allocate(bytes, "an array");
  module._malloc = guarded;
  module._free(module._malloc(1));
  if (module._malloc !== guarded) {
    throw new WbError("WB7001", "the WebAssembly module took its own malloc back");
  }
  const reserve = (bytes: number, what: string): void => {
    module._free(allocate(bytes, what));
  };
  return {
    reserve,
    reserveProduct(rows, inner, columns) {
      const packed = Math.ceil(columns / PACKED_COLUMNS) * PACKED_COLUMNS * (inner + 1);
      reserve(4 * (rows * columns + packed) + OPERATOR_BYTES, "a matrix product");
    },
  };
}
