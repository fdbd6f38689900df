import { createHash, timingSafeEqual } from "node:crypto";
import type { MiddlewareHandler } from "hono";
import { Problem } from "./problem.ts";

/** On every answer: no type is sniffed, nothing is framed, kept, or told to other sites. */
const HEADERS: Readonly<Record<string, string>> = {
  "cache-control": "no-store",
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};

export const hardened: MiddlewareHandler = async (c, next) => {
  await next();
  for (const [name, value] of Object.entries(HEADERS)) c.res.headers.set(name, value);
};

/** True for a name or an address that only this machine can reach. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host === "[::1]" || /^127(\.\d+){3}$/.test(host);
}

/**
 * Keeps other web sites out: a page whose name was made to point here (DNS rebinding) sends its own Host, a page that posts
 * across sites its own Origin. Programs send no Origin. No CORS header is ever sent.
 * @param checksHost False where the server has other names than those of this machine; a key guards it then.
 */
export function sameSite(checksHost: boolean): MiddlewareHandler {
  return async (c, next) => {
    const host = c.req.header("host") ?? "";
    if (checksHost && !isLoopback(hostnameOf(host))) {
      throw new Problem(403, `Host ${JSON.stringify(host.slice(0, 80))} is not this machine`, {
        code: "host_not_allowed",
      });
    }
    const origin = c.req.header("origin");
    if (origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`) {
      throw new Problem(403, `Origin ${JSON.stringify(origin.slice(0, 80))} is another site`, {
        code: "origin_not_allowed",
      });
    }
    await next();
  };
}

function hostnameOf(host: string): string {
  if (host === "" || /[/@?#\\]/.test(host) || !URL.canParse(`http://${host}`)) return "";
  return new URL(`http://${host}`).hostname;
}

/** Asks for `Authorization: Bearer KEY`; compares digests, in a time that tells nothing of the key. */
export function bearer(key: string): MiddlewareHandler {
  const expected = digestOf(key);
  return async (c, next) => {
    const given = /^Bearer +(\S.*)$/i.exec(c.req.header("authorization") ?? "")?.[1];
    if (given === undefined || !timingSafeEqual(digestOf(given.trim()), expected)) {
      throw new Problem(401, given === undefined ? "an API key is needed" : "wrong API key", {
        code: "invalid_api_key",
        headers: { "www-authenticate": "Bearer" },
      });
    }
    await next();
  };
}

function digestOf(text: string): Buffer {
  return createHash("sha256").update(text, "utf8").digest();
}
