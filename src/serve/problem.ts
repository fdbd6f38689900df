import { WbError } from "../errors/wb-error.ts";

interface ProblemOptions {
  /** The field of the request that is at fault. */
  readonly param?: string | undefined;
  /** A word for programs, such as "model_not_found". */
  readonly code?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly cause?: unknown;
}

/** What is told to the client of a request that cannot be answered, as OpenAI's API tells it. */
export class Problem extends Error {
  override readonly name = "Problem";
  readonly status: number;
  readonly param: string | null;
  readonly code: string | null;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, message: string, options: ProblemOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.status = status;
    this.param = options.param ?? null;
    this.code = options.code ?? null;
    this.headers = options.headers ?? {};
  }

  /** The body of the answer. */
  get body(): Readonly<Record<string, unknown>> {
    const { message, param, code } = this;
    return { error: { message, type: typeOf(this.status), param, code } };
  }
}

/** OpenAI's names of the kinds of errors. */
function typeOf(status: number): string {
  if (status === 401) return "authentication_error";
  if (status === 403) return "permission_error";
  if (status === 429) return "rate_limit_error";
  return status >= 500 ? "server_error" : "invalid_request_error";
}

/** Any failure as a client is told of it: usage is the client's fault, the rest is ours, and says no more than its code. */
export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (!(error instanceof WbError)) return new Problem(500, "internal error", { cause: error });
  if (isOfRequest(error.code))
    return new Problem(400, error.message, { code: error.code, cause: error });
  return new Problem(500, `the model failed (${error.code})`, { code: error.code, cause: error });
}

/** Codes that a request can provoke: settings, conversations that the template refuses or does not end with, token ids. */
function isOfRequest(code: string): boolean {
  return ["WB2801", "WB2802", "WB3804", "WB4802", "WB5801"].includes(code);
}
