/**
 * Why a template was not rendered: it is no Jinja ("syntax"), it refused the conversation or failed as Python's would ("failed"),
 * it took more than its budget ("budget"), or it uses what is not implemented here ("unsupported").
 */
export type JinjaProblem = "syntax" | "failed" | "budget" | "unsupported";

/** A template that cannot be rendered. */
export class JinjaError extends Error {
  override readonly name = "JinjaError";
  readonly problem: JinjaProblem;

  constructor(problem: JinjaProblem, message: string) {
    super(message);
    this.problem = problem;
  }
}

/** As an exception of Python's inside the template. */
export function failed(message: string): JinjaError {
  return new JinjaError("failed", message);
}

/** What Jinja has and this does not: refused, so that no other prompt comes of it. */
export function unsupported(what: string): JinjaError {
  return new JinjaError("unsupported", `${what} is not supported`);
}
