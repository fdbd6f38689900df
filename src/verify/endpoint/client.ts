import { WbError } from "../../errors/wb-error.ts";
import { isRecord } from "../../model/config/fields.ts";
import type { Endpoint } from "./address.ts";

/** Bounds of one request. */
export interface RequestLimits {
  /** From asking to the last byte of the answer, in milliseconds. */
  readonly timeoutMs: number;
  /** Bytes of an answer at most. */
  readonly maxBytes: number;
}

/** A prompt of 2048 tokens with 5 likeliest tokens each takes about 1 MB. */
export const REQUEST_LIMITS: RequestLimits = { timeoutMs: 300_000, maxBytes: 64 * 2 ** 20 };

/** Characters of a server's own words that a message repeats. */
const QUOTED = 200;

/** An answer, or why the server refused the request itself. */
export type Reply =
  | { readonly ok: true; readonly body: Readonly<Record<string, unknown>> }
  | { readonly ok: false; readonly status: number; readonly words: string };

/** One server: requests go to its own address alone, one at a time. */
export class EndpointClient {
  readonly #endpoint: Endpoint;
  readonly #limits: RequestLimits;
  readonly #signal: AbortSignal | undefined;
  #requests = 0;

  constructor(endpoint: Endpoint, signal?: AbortSignal, limits = REQUEST_LIMITS) {
    this.#endpoint = endpoint;
    this.#limits = limits;
    this.#signal = signal;
  }

  get url(): string {
    return this.#endpoint.url;
  }

  /** Requests that were sent. */
  get requests(): number {
    return this.#requests;
  }

  /** @param route Below /v1, or from the server's root where it begins with "/". */
  get(route: string): Promise<Reply> {
    return this.#send(route, undefined);
  }

  post(route: string, body: unknown): Promise<Reply> {
    return this.#send(route, JSON.stringify(body));
  }

  /**
   * A refusal of the request itself (400, 404, 405, 422, 500, 501) is a reply: another form of it may be taken.
   * @throws WbError WB3961, WB3962, WB3963, WB6961, WB6962.
   */
  async #send(route: string, body: string | undefined): Promise<Reply> {
    this.#signal?.throwIfAborted();
    this.#requests++;
    const { base, apiKey } = this.#endpoint;
    const root = base.href.slice(0, -"/v1".length);
    const address = new URL(route.startsWith("/") ? `${root}${route}` : `${base.href}/${route}`);
    const limit = AbortSignal.timeout(this.#limits.timeoutMs);
    const signals = this.#signal === undefined ? [limit] : [limit, this.#signal];
    try {
      const response = await fetch(address, {
        method: body === undefined ? "GET" : "POST",
        redirect: "manual",
        signal: AbortSignal.any(signals),
        headers: {
          accept: "application/json",
          "user-agent": "weighbridge",
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
        },
        ...(body === undefined ? {} : { body }),
      });
      return await this.#read(address.href, response);
    } catch (error) {
      this.#signal?.throwIfAborted();
      if (error instanceof WbError) throw error;
      const why = limit.aborted
        ? `no whole answer within ${this.#limits.timeoutMs / 1000} s`
        : `no connection, or it was lost${causeOf(error)}`;
      throw new WbError("WB6961", `${address.href}: ${why}`, {
        details: { url: address.href },
        cause: error,
      });
    }
  }

  async #read(url: string, response: Response): Promise<Reply> {
    const { status } = response;
    if (status >= 300 && status < 400) {
      await response.body?.cancel();
      throw new WbError("WB3962", `${url}: the server answers ${status}, a redirect`, {
        details: { url },
      });
    }
    const text = await this.#text(url, response);
    if (status === 401 || status === 403)
      throw new WbError("WB6962", `${url}: the server refuses access (${status})`, {
        details: { url },
      });
    if (status === 408 || status === 429 || status > 501)
      throw new WbError("WB6961", `${url}: the server answers ${status}: ${this.#quoted(text)}`, {
        details: { url },
      });
    if (!response.ok) return { ok: false, status, words: this.#quoted(text) };
    const body = parsed(text, this.#endpoint.apiKey);
    if (isRecord(body)) return { ok: true, body };
    throw new WbError("WB3961", `${url}: expected a JSON object, found ${this.#quoted(text)}`, {
      details: { url, expected: "a JSON object", found: this.#quoted(text) },
    });
  }

  async #text(url: string, response: Response): Promise<string> {
    const parts: Uint8Array[] = [];
    let length = 0;
    const { maxBytes } = this.#limits;
    const reader = response.body?.getReader();
    for (;;) {
      const part = await reader?.read();
      const value: unknown = part?.value;
      if (!(value instanceof Uint8Array)) break;
      length += value.byteLength;
      if (length > maxBytes) {
        await reader?.cancel();
        throw new WbError("WB3963", `${url}: the answer has more than ${maxBytes} bytes`, {
          details: { url, limit: maxBytes },
        });
      }
      parts.push(value);
    }
    return withoutKey(Buffer.concat(parts).toString("utf8"), this.#endpoint.apiKey);
  }

  #quoted(text: string): string {
    return JSON.stringify(text.slice(0, QUOTED));
  }
}

/** A server may repeat what it was sent, and messages repeat what it says: never the key. */
function withoutKey(text: string, apiKey: string | undefined): string {
  return apiKey === undefined ? text : text.replaceAll(apiKey, "***");
}

/** Escapes of JSON could hide the key from a search of the text: values are searched again. */
function parsed(text: string, apiKey: string | undefined): unknown {
  try {
    return JSON.parse(text, (_name, value: unknown) =>
      typeof value === "string" ? withoutKey(value, apiKey) : value,
    );
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** "ECONNREFUSED" and the like say more than "fetch failed". */
function causeOf(error: unknown): string {
  const cause: unknown = error instanceof Error ? error.cause : undefined;
  const code: unknown =
    isRecord(cause) || cause instanceof Error ? Reflect.get(cause, "code") : undefined;
  return typeof code === "string" ? ` (${code})` : "";
}
