import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join, sep } from "node:path";
import { isSystemError, WbError } from "../../errors/wb-error.ts";
import type { HubPlace } from "./place.ts";
import { checkProtocol } from "./place.ts";
import { bodyOf, persist, request } from "./request.ts";

/** The hub that HF_ENDPOINT does not replace. */
const DEFAULT_ENDPOINT = "https://huggingface.co";

/** Largest description of a repository that is read, in bytes; one with 10 000 files has about 1 MB. */
const MAX_INFO_BYTES = 32 * 2 ** 20;

/** One repository at one commit. */
export interface HubRepository {
  /** The commit that the revision stood for when it was first asked for. */
  readonly commit: string;
  /** Paths inside the repository. */
  readonly files: readonly string[];
  /** Entries of its list that are no paths inside it: they are never asked for, and scan tells of them. */
  readonly refused: readonly string[];
  /** Size and digest of the files that the hub tells them of. */
  readonly facts: ReadonlyMap<string, ListedFacts>;
}

/** What the hub's list says of a large file. */
export interface ListedFacts {
  readonly byteLength: number | undefined;
  readonly sha256: string | undefined;
}

/** Repositories of this process: a branch that moves meanwhile still gives files of one commit. */
const REPOSITORIES = new Map<string, Promise<HubRepository>>();

/** The repository's commit and files. @throws WbError WB3001, WB3052, WB6051, WB6052. */
export function hubRepository(
  { repository, revision }: HubPlace,
  signal: AbortSignal | undefined,
): Promise<HubRepository> {
  const key = `${hubEndpoint().href} ${repository} ${revision}`;
  const known = REPOSITORIES.get(key);
  if (known !== undefined) return known;
  const asked = describe(repository, revision, signal).catch((error: unknown) => {
    REPOSITORIES.delete(key);
    throw error;
  });
  REPOSITORIES.set(key, asked);
  return asked;
}

async function describe(
  repository: string,
  revision: string,
  signal: AbortSignal | undefined,
): Promise<HubRepository> {
  const label = `hf:${repository}@${revision}`;
  const url = hubAddress(`api/${kindedName(repository)}/revision/${encodeURIComponent(revision)}`);
  // Sizes and digests of the files, too.
  url.searchParams.set("blobs", "true");
  const token = await hubToken();
  const text = await persist(
    async () => {
      const options = { label, token, signal };
      const parts: Uint8Array[] = [];
      let length = 0;
      for await (const bytes of bodyOf(await request(url, options), options)) {
        length += bytes.byteLength;
        if (length > MAX_INFO_BYTES) {
          throw new WbError("WB3052", `${label}: its description is too long`, {
            details: { path: label },
          });
        }
        parts.push(bytes);
      }
      return Buffer.concat(parts);
    },
    () => 0,
    signal,
  );
  return repositoryOf(parseInfo(text, label), label);
}

/** With its kind in front, as the hub's interface and its tools' cache name it. */
function kindedName(repository: string): string {
  return repository.startsWith("datasets/") ? repository : `models/${repository}`;
}

function parseInfo(bytes: Buffer, label: string): unknown {
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch (error) {
    throw new WbError("WB3052", `${label}: the hub's answer is no JSON`, {
      details: { path: label },
      cause: error,
    });
  }
}

function repositoryOf(info: unknown, label: string): HubRepository {
  const commit = isRecord(info) ? info["sha"] : undefined;
  const siblings = isRecord(info) ? info["siblings"] : undefined;
  if (typeof commit !== "string" || !/^[0-9a-f]{40,64}$/.test(commit) || !Array.isArray(siblings)) {
    throw new WbError("WB3052", `${label}: the hub's answer names no commit and files`, {
      details: { path: label },
    });
  }
  const list: readonly unknown[] = siblings;
  const names = list.map((entry) => (isRecord(entry) ? entry["rfilename"] : undefined));
  return {
    commit,
    files: [...new Set(names.filter(isFile))],
    refused: names.filter((name) => !isFile(name)).map(shownEntry),
    facts: new Map(list.flatMap(factsOf)),
  };
}

function isFile(name: unknown): name is string {
  return typeof name === "string" && isInside(name);
}

function factsOf(entry: unknown): readonly (readonly [string, ListedFacts])[] {
  if (!isRecord(entry) || !isFile(entry["rfilename"])) return [];
  const lfs = isRecord(entry["lfs"]) ? entry["lfs"] : {};
  const { size = entry["size"], sha256 } = lfs;
  const byteLength = Number.isSafeInteger(size) ? Number(size) : undefined;
  const isDigest = typeof sha256 === "string" && /^[0-9a-f]{64}$/.test(sha256);
  return [[entry["rfilename"], { byteLength, sha256: isDigest ? sha256 : undefined }]];
}

/** Units of an entry that are shown. */
const SHOWN_UNITS = 200;

function shownEntry(name: unknown): string {
  return typeof name === "string"
    ? name.slice(0, SHOWN_UNITS).toWellFormed()
    : "an entry without a name";
}

/** The hub's names become paths: none may lead out of its repository. */
function isInside(name: string): boolean {
  // A lone surrogate has no bytes in an address.
  if (!name.isWellFormed() || name.includes("\0")) return false;
  // Where "\" parts folders, its file would be taken for another one.
  if (sep === "\\" && name.includes(sep)) return false;
  return !name.split(/[\\/]/).some((part) => part === "" || part === "." || part === "..");
}

/** The address of a file at one commit. */
export function hubFileAddress(repository: string, commit: string, path: string): URL {
  const inside = path.split("/").map(encodeURIComponent).join("/");
  return hubAddress(`${repository}/resolve/${commit}/${inside}`);
}

function hubAddress(path: string): URL {
  const endpoint = hubEndpoint();
  return new URL(`${endpoint.pathname.replace(/\/+$/, "")}/${path}`, endpoint);
}

function hubEndpoint(): URL {
  const named = process.env["HF_ENDPOINT"] ?? "";
  const text = named === "" ? DEFAULT_ENDPOINT : named;
  if (!URL.canParse(text))
    throw new WbError("WB2050", "HF_ENDPOINT: no address", { details: { path: "HF_ENDPOINT" } });
  const url = new URL(text);
  checkProtocol(url);
  return url;
}

/** HF_TOKEN, or the token that the hub's own tools have stored. */
export async function hubToken(): Promise<string | undefined> {
  const named = process.env["HF_TOKEN"] ?? "";
  if (named !== "") return named;
  const path = process.env["HF_TOKEN_PATH"] ?? join(hubHome(), "token");
  try {
    const text = (await readFile(path, "utf8")).trim();
    return text === "" ? undefined : text;
  } catch (error) {
    if (isSystemError(error) && error.code === "ENOENT") return undefined;
    throw new WbError("WB6002", `${path}: the stored token cannot be read`, {
      details: { path },
      cause: error,
    });
  }
}

function hubHome(): string {
  const cache = process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache");
  return process.env["HF_HOME"] ?? join(cache, "huggingface");
}

export function isOffline(): boolean {
  return /^(1|true|yes|on)$/i.test(process.env["HF_HUB_OFFLINE"] ?? "");
}

/**
 * The folder in which the hub's own tools keep a revision: models--ORG--NAME/snapshots/COMMIT, or datasets--ORG--NAME.
 * @throws WbError WB6053 when the cache does not know the revision.
 */
export async function cachedSnapshot({ repository, revision }: HubPlace): Promise<string> {
  const cache = process.env["HF_HUB_CACHE"] ?? join(hubHome(), "hub");
  const folder = join(cache, kindedName(repository).replaceAll("/", "--"));
  if (/^[0-9a-f]{40}$/.test(revision)) return join(folder, "snapshots", revision);
  const isName = revision.split("/").every((part) => !/^\.*$/.test(part));
  const reference = join(folder, "refs", ...revision.split("/"));
  try {
    const commit = isName ? (await readFile(reference, "utf8")).trim() : "";
    if (/^[0-9a-f]{40}$/.test(commit)) return join(folder, "snapshots", commit);
  } catch (error) {
    if (!isSystemError(error) || error.code !== "ENOENT") throw error;
  }
  throw new WbError("WB6053", `hf:${repository}@${revision}: not in ${folder}`, {
    details: { path: `hf:${repository}@${revision}` },
  });
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
