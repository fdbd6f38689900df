import { WbError } from "../../errors/wb-error.ts";

/** Where a server is, and what it is asked with. */
export interface Endpoint {
  /** Ends in "/v1". */
  readonly base: URL;
  /** What messages and reports call it: without what could be a secret. */
  readonly url: string;
  readonly apiKey: string | undefined;
}

const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/u;

/** What an HTTP header can carry. */
const KEY = /^[\u0021-\u007E]+$/u;

/** Routes that people copy with the address. */
const ROUTE = /\/(chat\/completions|completions|models)$/u;

/**
 * Takes an endpoint's address, and the key from the variable that holds it.
 * @param keyVariable Name of an environment variable; undefined for no key.
 * @throws WbError WB2961, WB2962.
 */
export function endpointOf(
  address: string,
  keyVariable: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): Endpoint {
  const base = baseOf(address);
  const apiKey = keyVariable === undefined ? undefined : keyIn(keyVariable, environment);
  if (apiKey !== undefined && base.protocol === "http:" && !LOOPBACK.test(base.hostname))
    throw refused(base.origin, "a key is not sent over an unencrypted connection: expected https");
  return { base, url: base.href, apiKey };
}

/** An address as it may be shown before it was checked: without what could be a secret. */
export function shownAddress(address: string): string {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  return url === undefined || url.origin === "null" ? "--endpoint" : `${url.origin}${url.pathname}`;
}

function baseOf(address: string): URL {
  // What is no address is not repeated either: it may be a key that got into the wrong place.
  if (!URL.canParse(address)) throw refused("--endpoint", "expected http:// or https://");
  const url = new URL(address);
  if (url.protocol !== "http:" && url.protocol !== "https:")
    throw refused(`${url.protocol}…`, "expected http:// or https://");
  if (url.username !== "" || url.password !== "")
    throw refused(url.origin, "an address with a user or password, which reports would show");
  if (url.search !== "" || url.hash !== "")
    throw refused(url.origin, "an address with a query or fragment");
  const path = url.pathname.replace(/\/+$/u, "").replace(ROUTE, "");
  return new URL(`${url.origin}${path.endsWith("/v1") ? path : `${path}/v1`}`);
}

function refused(url: string, why: string): WbError {
  return new WbError("WB2961", `${url}: ${why}`, { details: { url } });
}

function keyIn(
  variable: string,
  environment: Readonly<Record<string, string | undefined>>,
): string {
  const key = environment[variable];
  if (key !== undefined && KEY.test(key)) return key;
  const why =
    key === undefined || key === "" ? "is not set" : "holds characters that no HTTP header has";
  throw new WbError("WB2962", `${variable}: ${why}`, { details: { variable } });
}
