import { protobufFields, type ProtobufField } from "../../src/runtime/tokenizer/protobuf.ts";

export interface WrittenNode {
  readonly name: string;
  readonly op: string;
  /** As written: "name", "name:1", "^name". */
  readonly inputs: readonly string[];
}

/** The nodes of a SavedModel's only graph. */
export function graphNodesOf(savedModel: Uint8Array): readonly WrittenNode[] {
  const [graph] = messages(messages(savedModel, 2)[0], 2);
  return messages(graph, 1).map((node) => ({
    name: texts(node, 1)[0] ?? "",
    op: texts(node, 2)[0] ?? "",
    inputs: texts(node, 3),
  }));
}

function messages(message: Uint8Array | undefined, field: number): readonly Uint8Array[] {
  const fields: readonly ProtobufField[] = protobufFields(message ?? Uint8Array.of(0)) ?? [];
  return fields.flatMap(({ number, bytes }) =>
    number === field && bytes !== undefined ? [bytes] : [],
  );
}

function texts(message: Uint8Array, field: number): readonly string[] {
  return messages(message, field).map((bytes) => new TextDecoder().decode(bytes));
}
