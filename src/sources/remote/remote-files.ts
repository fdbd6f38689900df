import { WbError } from "../../errors/wb-error.ts";
import { heldToDigest } from "./held-to-digest.ts";
import { openHttpSource, type HttpSource } from "./http-source.ts";
import { hubFileAddress, hubRepository, hubToken, type ListedFacts } from "./hub.ts";
import { parsePlace } from "./place.ts";

/** Opens a remote file. @throws WbError as `openHttpSource` and `hubRepository`. */
export async function openRemoteSource(path: string, signal?: AbortSignal): Promise<HttpSource> {
  const place = parsePlace(path);
  if (place.kind === "web") return openHttpSource(place.url, { label: path, signal });
  const { commit, files, facts } = await hubRepository(place, signal);
  if (!files.includes(place.path)) {
    throw new WbError("WB3001", `${path}: not among the ${files.length} files of the repository`, {
      details: { path },
    });
  }
  const address = hubFileAddress(place.repository, commit, place.path);
  const source = await openHttpSource(address, { label: path, signal, token: await hubToken() });
  const listed = facts.get(place.path);
  const problem = contradictionOf(source, listed);
  const sha256 = listed?.sha256 ?? source.linked.sha256;
  if (problem === undefined) return sha256 === undefined ? source : heldToDigest(source, sha256);
  await source.close();
  throw new WbError("WB3052", `${path}: ${problem}`, { details: { path } });
}

/** Where the hub's list, its server and the place that it sends to do not say the same of a file. */
function contradictionOf(
  { byteLength, linked }: HttpSource,
  listed: ListedFacts | undefined,
): string | undefined {
  const size = listed?.byteLength;
  if (size !== undefined && size !== byteLength)
    return `the hub lists a file of ${size} bytes, its server has one of ${byteLength}`;
  if (linked.byteLength !== undefined && linked.byteLength !== byteLength)
    return `the hub links a file of ${linked.byteLength} bytes, its server has one of ${byteLength}`;
  const [first, second] = [listed?.sha256, linked.sha256];
  return first === undefined || second === undefined || first === second
    ? undefined
    : `the hub lists a file with sha256 ${first}, and links one with ${second}`;
}

/**
 * The sha256 under which the hub has a file: of its list, or, where that has none, of its server's answer for the file; undefined
 * for files of other servers, and small ones. @throws WbError as `openRemoteSource`.
 */
export async function remoteDigest(path: string): Promise<string | undefined> {
  const place = parsePlace(path);
  if (place.kind === "web") return undefined;
  const listed = (await hubRepository(place, undefined)).facts.get(place.path)?.sha256;
  if (listed !== undefined) return listed;
  const source = await openRemoteSource(path);
  await source.close();
  return source.linked.sha256;
}

/** Whether a remote path is a repository, or a folder in one; a web address is a file. @throws WbError WB3001. */
export async function isRemoteFolder(path: string): Promise<boolean> {
  const place = parsePlace(path);
  if (place.kind === "web") return false;
  if (place.path === "") return true;
  const { files } = await hubRepository(place, undefined);
  if (files.includes(place.path)) return false;
  if (files.some((file) => file.startsWith(`${place.path}/`))) return true;
  throw new WbError("WB3001", `${path}: the repository has no such file or folder`, {
    details: { path },
  });
}

/** Paths of all files in a remote folder and below it; none for a web address, whose server has no list. */
export async function listRemoteTree(path: string): Promise<readonly string[]> {
  const place = parsePlace(path);
  if (place.kind === "web") return [];
  const { files } = await hubRepository(place, undefined);
  const prefix = place.path === "" ? "" : `${place.path}/`;
  return files.filter((file) => file.startsWith(prefix)).map((file) => file.slice(prefix.length));
}

/** What a repository lists beside its files, and nobody can ask for; none for a web address. */
export async function listRemoteRefused(path: string): Promise<readonly string[]> {
  const place = parsePlace(path);
  return place.kind === "web" ? [] : (await hubRepository(place, undefined)).refused;
}

/** Names of the files in a remote folder; undefined where the server has no list, as on the web. */
export async function listRemoteFolder(path: string): Promise<readonly string[] | undefined> {
  if (parsePlace(path).kind === "web") return undefined;
  return (await listRemoteTree(path)).filter((name) => !name.includes("/"));
}

/** Names of the folders in a remote folder, sorted; none where the server has no list. */
export async function listRemoteFolders(path: string): Promise<readonly string[]> {
  const place = parsePlace(path);
  if (place.kind === "web") return [];
  const { files } = await hubRepository(place, undefined);
  const prefix = place.path === "" ? "" : `${place.path}/`;
  const below = files.filter((file) => file.startsWith(prefix));
  const names = below.map((file) => file.slice(prefix.length).split("/"));
  return [
    ...new Set(names.flatMap(([first = "", ...rest]) => (rest.length > 0 ? [first] : []))),
  ].sort();
}
