import { describe, expect, test } from "vitest";
import { GraphNodes } from "../../../src/runtime/backends/graph/nodes.ts";
import { ProtobufWriter } from "../../../src/runtime/backends/graph/protobuf-writer.ts";
import { TF_FLOAT, TF_HALF, TF_INT32 } from "../../../src/runtime/backends/native/binding.ts";
import { protobufFields } from "../../../src/runtime/tokenizer/protobuf.ts";
import { graphNodesOf } from "../../support/graph-nodes-of.ts";

describe("a message's fields", () => {
  test.each([0, 1, 127, 128, 300, 2 ** 31, 2 ** 40])("%d is read as it was written", (value) => {
    expect(protobufFields(new ProtobufWriter().varint(3, value).finish())).toEqual([
      { number: 3, value },
    ]);
  });

  test("texts, bytes and messages are read as they were written, of any length", () => {
    const bytes = new Uint8Array(200).fill(7);
    const inner = new ProtobufWriter().bytes(1, "ä");
    const message = new ProtobufWriter().bytes(16, bytes).bytes(2, inner).finish();
    expect(protobufFields(message)).toEqual([
      { number: 16, bytes },
      { number: 2, bytes: Uint8Array.of(10, 2, 0xc3, 0xa4) },
    ]);
  });
});

describe("nodes of a graph", () => {
  test("constants of the same numbers are one node, of another type or shape another", () => {
    const nodes = new GraphNodes();
    expect(nodes.ints([1, 2])).toBe(nodes.ints([1, 2]));
    expect(nodes.ints(1)).not.toBe(nodes.ints([1]));
    expect(nodes.number(1)).not.toBe(nodes.ints(1));
  });

  test("a cast and a bitcast to the same type are the node itself", () => {
    const nodes = new GraphNodes();
    const given = nodes.input("given", TF_FLOAT);
    expect(nodes.cast(given, TF_FLOAT, TF_FLOAT)).toBe("given");
    expect(nodes.bitcast(given, TF_INT32, TF_INT32)).toBe("given");
    expect(nodes.cast(given, TF_FLOAT, TF_HALF)).not.toBe("given");
  });

  test("a node that waits names what it waits for", () => {
    const nodes = new GraphNodes();
    const variable = nodes.variable("weight", TF_FLOAT);
    nodes.milestone("done", [nodes.assign(variable, nodes.number(1), TF_FLOAT)]);
    const written = graphNodesOf(nodes.savedModel("serve"));
    const assign = written.find(({ op }) => op === "AssignVariableOp");
    expect(written.find(({ name }) => name === "done")?.inputs[1]).toBe(`^${assign?.name ?? ""}`);
  });
});
