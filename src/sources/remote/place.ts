import { sep } from "node:path";
import { WbError } from "../../errors/wb-error.ts";

/** A file or folder on a model hub. */
export interface HubPlace {
  readonly kind: "hub";
  /** "internlm/internlm-7b", or of a data set "datasets/cais/mmlu". */
  readonly repository: string;
  readonly revision: string;
  /** Path inside the repository; empty for all of it. */
  readonly path: string;
}

/** A file on any server. */
export interface WebPlace {
  readonly kind: "web";
  readonly url: URL;
}

/**
 * Whether a path leads to another machine. `join` and `dirname` make remote paths of remote paths: of "https://host/a" they
 * make "https:/host/b", which means the same.
 */
export function isRemote(path: string): boolean {
  return /^(hf|https?):/i.test(path);
}

const HUB = /^hf:\/{0,2}((?:datasets\/)?[\w.-]+\/[\w.-]+)(?:@([^/\s]+))?(?:\/(.*))?$/is;

/**
 * Takes a remote path apart. A revision's own slashes are written %2F.
 * @throws WbError WB2050.
 */
export function parsePlace(path: string): HubPlace | WebPlace {
  // `join` parts folders so on Windows; elsewhere "\" is a character of names, and another file's with "/".
  const slashed = path.replaceAll(sep, "/");
  if (/^hf:/i.test(slashed)) return parseHub(slashed);
  const url = URL.canParse(slashed) ? new URL(slashed) : undefined;
  if (url === undefined || url.hostname === "")
    throw new WbError("WB2050", `${path}: no address`, { details: { path } });
  if (url.username !== "" || url.password !== "") {
    throw new WbError("WB2050", `${url.origin}: an address with a user or password`, {
      details: { path: url.origin },
    });
  }
  checkProtocol(url);
  return { kind: "web", url };
}

function parseHub(path: string): HubPlace {
  const [, repository, revision = "main", inside = ""] = HUB.exec(path) ?? [];
  const parts = inside.split("/");
  if (repository === undefined || parts.includes("..") || parts.includes(".")) {
    throw new WbError("WB2050", `${path}: expected hf:organisation/name@revision`, {
      details: { path },
    });
  }
  return {
    kind: "hub",
    repository,
    revision: decoded(revision, path),
    path: inside.replace(/\/+$/, ""),
  };
}

function decoded(text: string, path: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    throw new WbError("WB2050", `${path}: the revision is no text with %-escapes`, {
      details: { path },
      cause: error,
    });
  }
}

const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

/** Unencrypted answers are taken from this machine alone. @throws WbError WB2050. */
export function checkProtocol(url: URL): void {
  if (url.protocol === "https:") return;
  if (url.protocol === "http:" && LOOPBACK.test(url.hostname)) return;
  // Other protocols have no origin.
  const origin = url.origin === "null" ? url.protocol : url.origin;
  throw new WbError("WB2050", `${origin}: expected https`, { details: { path: origin } });
}
