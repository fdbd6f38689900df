import type { Context } from "hono";
import { Problem } from "./problem.ts";

/** Levels of lists and objects inside one another that a request may have. */
const MAX_DEPTH = 64;

/** The body of a request as JSON. @throws Problem 400, 415. */
export async function readBody(c: Context): Promise<unknown> {
  // Forms and plain text are what other sites may post without being asked.
  if (!/^application\/json\s*(;|$)/i.test(c.req.header("content-type") ?? ""))
    throw new Problem(415, "expected content-type application/json");
  const text = await c.req.text();
  checkDepth(text);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Problem(400, "the body is not JSON", { cause: error });
  }
}

/** What is nested too deep would end the stack of whatever looks into it. */
function checkDepth(text: string): void {
  let depth = 0;
  let isInText = false;
  for (let index = 0; index < text.length; index++) {
    const unit = text[index];
    if (isInText) {
      if (unit === "\\") index++;
      else if (unit === '"') isInText = false;
    } else if (unit === '"') isInText = true;
    else if (unit === "[" || unit === "{") depth++;
    else if (unit === "]" || unit === "}") depth--;
    if (depth > MAX_DEPTH)
      throw new Problem(400, `the body has more than ${MAX_DEPTH} levels of nesting`, {
        code: "invalid_value",
      });
  }
}
