import { setTimeout as sleep } from "node:timers/promises";
import { WbError } from "../../errors/wb-error.ts";
import { PACE, PaceWatch, type PaceLimits } from "./pace.ts";
import { checkProtocol } from "./place.ts";

/** Attempts without a single new byte before a server is given up. */
export const MAX_ATTEMPTS = 5;
/** The first pause between attempts, in milliseconds; each further one is twice as long. */
const FIRST_PAUSE_MS = 200;
/** The longest pause that a server may ask for with Retry-After, in milliseconds. */
const MAX_PAUSE_MS = 30_000;
const MAX_REDIRECTS = 5;

export interface RequestOptions {
  /** What messages call the file. */
  readonly label: string;
  /** Sent to the first address' own origin alone. */
  readonly token?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
  readonly pace?: PaceLimits | undefined;
}

/** What the hub's own server says of a large file before it sends elsewhere for its bytes. */
export interface Linked {
  readonly byteLength: number | undefined;
  /** Of the whole file, in lower-case hexadecimal. */
  readonly sha256: string | undefined;
}

export interface Answer {
  readonly response: Response;
  /** By the first origin alone: where it sends to could say anything. */
  readonly linked: Linked;
  /** Where redirects led. */
  readonly url: URL;
  /** Watches its speed; stop it when the body is done with. */
  readonly watch: PaceWatch;
}

/** Bytes that a connection lost or an overloaded server kept back: worth another attempt. */
export class Transient extends Error {
  readonly pauseMs: number | undefined;
  /** Whether the server answered too slowly: what came meanwhile is no progress. */
  readonly isSlow: boolean;

  constructor(
    message: string,
    options: { cause?: unknown; pauseMs?: number | undefined; isSlow?: boolean } = {},
  ) {
    super(message, { cause: options.cause });
    this.name = "Transient";
    this.pauseMs = options.pauseMs;
    this.isSlow = options.isSlow ?? false;
  }
}

/**
 * One GET, redirects followed by hand: at most five, never to an unencrypted address, and without the token once they leave
 * the first origin.
 * @throws Transient for what may pass; WbError WB2050, WB3001, WB3052, WB6051, WB6052.
 */
export async function request(address: URL, options: RequestOptions): Promise<Answer> {
  let url = address;
  let linked: Linked = { byteLength: undefined, sha256: undefined };
  for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
    const isFirst = url.origin === address.origin;
    const answer = { ...(await ask(url, isFirst ? options.token : undefined, options)), linked };
    const { response } = answer;
    if (isFirst) {
      linked = linkedOf(response, linked);
      answer.linked = linked;
    }
    const location = response.headers.get("location");
    if (response.status < 300 || response.status >= 400 || location === null) {
      await refuseFailure(answer, options.label);
      return answer;
    }
    await drop(answer);
    if (!URL.canParse(location, url.href)) {
      throw new WbError("WB3052", `${options.label}: redirected to what is no address`, {
        details: { path: options.label },
      });
    }
    url = new URL(location, url.href);
    checkProtocol(url);
  }
  throw new WbError("WB3052", `${options.label}: redirected more than ${MAX_REDIRECTS} times`, {
    details: { path: options.label },
  });
}

/** The first answer that says something counts (huggingface_hub 1.0, `get_hf_file_metadata`). */
function linkedOf({ headers }: Response, known: Linked): Linked {
  const size = headers.get("x-linked-size") ?? "";
  const [, sha256] = /^"?([0-9a-f]{64})"?$/.exec(headers.get("x-linked-etag") ?? "") ?? [];
  const byteLength = /^\d{1,15}$/.test(size) ? Number(size) : undefined;
  return { byteLength: known.byteLength ?? byteLength, sha256: known.sha256 ?? sha256 };
}

async function ask(
  url: URL,
  token: string | undefined,
  { headers, signal, label, pace = PACE }: RequestOptions,
): Promise<Omit<Answer, "linked">> {
  const slow = new AbortController();
  const watch = new PaceWatch(
    (problem) => slow.abort(new Transient(`${label}: ${problem}`, { isSlow: true })),
    pace,
  );
  const signals = signal === undefined ? [slow.signal] : [slow.signal, signal];
  try {
    const response = await fetch(url, {
      redirect: "manual",
      signal: AbortSignal.any(signals),
      headers: {
        // Ranges count bytes of what is sent: compressed ones would be others.
        "accept-encoding": "identity",
        "user-agent": "weighbridge",
        ...headers,
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
    });
    return { response, url, watch };
  } catch (error) {
    watch.stop();
    signal?.throwIfAborted();
    if (error instanceof Transient) throw error;
    throw new Transient(`${label}: no connection`, { cause: error });
  }
}

/** Ends an answer whose body is not wanted. */
export async function drop({ response, watch }: Pick<Answer, "response" | "watch">): Promise<void> {
  watch.stop();
  await response.body?.cancel();
}

/**
 * The bytes of an answer as they come; leaving the loop ends the answer.
 * @throws Transient when the connection is lost.
 */
export async function* bodyOf(
  { response, watch }: Answer,
  { label, signal }: RequestOptions,
): AsyncGenerator<Uint8Array> {
  const reader = response.body?.getReader();
  try {
    watch.read();
    for (;;) {
      const part = await reader?.read();
      const value: unknown = part?.value;
      if (!(value instanceof Uint8Array)) return;
      watch.came(value.byteLength);
      yield value;
    }
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof Transient) throw error;
    throw new Transient(`${label}: the connection was lost`, { cause: error });
  } finally {
    watch.stop();
    // Cancelling what has failed fails in the same way, which is known by then.
    await reader?.cancel().catch(() => undefined);
  }
}

async function refuseFailure(answer: Answer, label: string): Promise<void> {
  const { status, headers } = answer.response;
  if (status < 400 || status === 416) return;
  await drop(answer);
  if (status === 404 || status === 410) {
    throw new WbError("WB3001", `${label}: the server has no such file (${status})`, {
      details: { path: label },
    });
  }
  if (status === 401 || status === 403) {
    throw new WbError("WB6052", `${label}: the server refuses access (${status})`, {
      details: { path: label },
    });
  }
  if (status === 408 || status === 429 || status >= 500) {
    const seconds = Number(headers.get("retry-after") ?? Number.NaN);
    const pauseMs = Number.isFinite(seconds) ? Math.min(seconds * 1000, MAX_PAUSE_MS) : undefined;
    throw new Transient(`${label}: the server answers ${status}`, { pauseMs });
  }
  throw new WbError("WB6051", `${label}: the server answers ${status}`, {
    details: { path: label },
  });
}

/**
 * Does `attempt` until it succeeds, with growing pauses; gives up after five times in a row without much progress, so that a
 * server which gives a byte an attempt ends it as well.
 * @param progress Bytes that were gained so far; enough of them start the counting anew.
 * @throws WbError WB6051, WB9001, and whatever `attempt` throws that is not transient.
 */
export async function persist<T>(
  attempt: () => Promise<T>,
  progress: () => number,
  signal: AbortSignal | undefined,
  { progressBytes } = PACE,
): Promise<T> {
  let gained = progress();
  for (let failures = 0; ;) {
    try {
      return await attempt();
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof Transient)) throw error;
      const isFirst = !error.isSlow && progress() - gained >= progressBytes;
      failures = isFirst ? 1 : failures + 1;
      if (isFirst) gained = progress();
      if (failures >= MAX_ATTEMPTS) {
        throw new WbError("WB6051", `${error.message}, ${failures} times in a row`, {
          cause: error,
        });
      }
      await pause(error.pauseMs ?? FIRST_PAUSE_MS * 2 ** (failures - 1), signal);
    }
  }
}

async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(milliseconds, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}
