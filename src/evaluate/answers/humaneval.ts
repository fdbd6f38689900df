import { strip } from "./python.ts";

/**
 * The body of a function in a generated text: inside the first fence where there is one, behind imports, before the first empty
 * line, without the line of the function itself, and indented.
 */
export function humanevalBody(text: string): string {
  let body = withoutImports(insideFence(text)).split("\n\n")[0] ?? "";
  if (strip(body).startsWith("def")) body = body.split("\n").slice(1).join("\n");
  if (body.startsWith("    ")) return body;
  if (body.startsWith(" ")) return `    ${body.trimStart()}`;
  return body
    .split("\n")
    .map((line) => `    ${line}`)
    .join("\n");
}

function insideFence(text: string): string {
  if (!text.includes("```")) return text;
  const block = /```([^]*?)```/.exec(text)?.[1];
  if (block === undefined) return text.split("```")[1] ?? "";
  // The line of the opening fence names the language.
  return block.startsWith("\n") ? block : block.slice(block.indexOf("\n") + 1);
}

/** Behind the line of the first function, where the text begins with imports. */
function withoutImports(text: string): string {
  const begin = strip(text);
  if (!begin.startsWith("from") && !begin.startsWith("import")) return text;
  const definition = text.indexOf("def");
  return definition < 0 ? text : text.slice(text.indexOf("\n", definition) + 1);
}
