import type { Statement } from "./ast.ts";

/** Whether statements read a variable of that name anywhere, macros inside them included. */
export function mentions(body: readonly Statement[], name: string): boolean {
  return body.some((statement) => mentionsIn(statement, name));
}

/** Walks any part of the tree: only a node of kind "name" reads a variable. */
function mentionsIn(node: unknown, name: string): boolean {
  if (typeof node !== "object" || node === null) return false;
  if (Array.isArray(node)) return node.some((item) => mentionsIn(item, name));
  if ("kind" in node && node.kind === "name" && "name" in node && node.name === name) return true;
  return Object.values(node).some((value) => mentionsIn(value, name));
}
