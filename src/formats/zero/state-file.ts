import type { StoredTensor } from "../../tensor/table.ts";
import type { PickleValue } from "../pickle/value.ts";
import { tensorOf } from "../pytorch/table.ts";
import type { PytorchObject } from "../pytorch/zip.ts";

/** An unpickled file, and its tensors by name. */
export interface StateFile {
  readonly path: string;
  readonly value: PickleValue;
  tensor(name: string, value: PickleValue): StoredTensor;
}

export function stateFile(path: string, object: PytorchObject): StateFile {
  return {
    path,
    value: object.value,
    tensor: (name, value) => tensorOf(name, value, path, object),
  };
}
