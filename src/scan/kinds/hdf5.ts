import type { ByteSource } from "../../tensor/byte-source.ts";
import type { Examination } from "../context.ts";
import { examined, harmless, notUnderstood, type Judgement } from "../judgement.ts";
import { leavesFolder } from "../archive/member-name.ts";
import { otherFilesIn } from "./hdf5-elsewhere.ts";
import { judgeJson, type ParsedJson } from "./json.ts";
import { parsePythonJson } from "./python-json.ts";

export const HDF5_MAGIC = Buffer.from("\u0089HDF\r\n\u001a\n", "latin1");

/** Largest file that is searched, in bytes. */
const MAX_SEARCHED_BYTES = 256 * 2 ** 20;

/** First byte behind 0 where the format's own library looks for its mark; each further one is twice as far (HDF5 3.0, II.A). */
const FIRST_USER_BLOCK = 512;

const CONFIG_NAME = "model_config";

/** PyTables keeps objects of Python as pickles, and reads them so; pandas writes its tables by it. */
const PYTABLES = "PYTABLES_FORMAT_VERSION";

/** A global of a pickle as text, which an attribute of PyTables may hold in any file of HDF5. */
const GLOBAL = /c[A-Za-z_][\w.]{1,80}\n[A-Za-z_][\w.]{1,80}\n/;

/** Bytes that are searched for globals at a time, and by how much two parts overlap. */
const WINDOW_BYTES = 2 ** 20;
const OVERLAP_BYTES = 256;

/** Whether HDF5 begins behind bytes of something else, as its library and Keras find it. */
export async function hasHdf5Behind(source: ByteSource): Promise<boolean> {
  const length = HDF5_MAGIC.byteLength;
  for (let begin = FIRST_USER_BLOCK; begin + length <= source.byteLength; begin *= 2) {
    if (HDF5_MAGIC.equals(await source.read(begin, length))) return true;
  }
  return false;
}

/** Byte at which its library finds the format. */
function markOf(bytes: Buffer): number {
  const isAt = (at: number): boolean =>
    bytes.subarray(at, at + HDF5_MAGIC.byteLength).equals(HDF5_MAGIC);
  for (let at = FIRST_USER_BLOCK; !isAt(0) && at < bytes.byteLength; at *= 2)
    if (isAt(at)) return at;
  return 0;
}

/**
 * Judges HDF5 as Keras writes it: numbers, and the model's configuration as JSON in one attribute, which the format keeps in one
 * piece and never compresses. It is searched for, not parsed: every object of JSON in the file is judged.
 */
export async function examineHdf5(source: ByteSource, context: Examination): Promise<Judgement> {
  if (source.byteLength > MAX_SEARCHED_BYTES)
    return notUnderstood(`HDF5 of more than ${MAX_SEARCHED_BYTES} bytes`);
  const bytes = Buffer.from(await source.read(0, source.byteLength));
  const isKeras = bytes.includes(CONFIG_NAME);
  const texts = objectsIn(bytes);
  if (texts === undefined)
    return notUnderstood("HDF5 with more braces that begin no JSON than are followed");
  const judged = texts.map((text) => judgeJson(text, "HDF5", source.label, context));
  const open = judged.find(({ state }) => state === "not-understood");
  const elsewhere = judgeOthers(bytes, source.label, context);
  if (open !== undefined) return open;
  if (elsewhere !== undefined) return elsewhere;
  if (bytes.includes(PYTABLES) || namesGlobal(bytes))
    return notUnderstood("HDF5 with pickles, as PyTables and pandas read them");
  if (context.findings.isUnsafe) return examined("HDF5");
  if (!isKeras)
    return harmless("HDF5 without a model of Keras in it: numbers, which no loader runs");
  return judged.length > 0
    ? examined("HDF5 with a model of Keras, whose layers hold no code")
    : notUnderstood("HDF5 with a model of Keras whose configuration was not found");
}

function namesGlobal(bytes: Buffer): boolean {
  for (let begin = 0; begin < bytes.byteLength; begin += WINDOW_BYTES) {
    if (GLOBAL.test(bytes.toString("latin1", begin, begin + WINDOW_BYTES + OVERLAP_BYTES)))
      return true;
  }
  return false;
}

/** What the library would read beside the file itself: not looked at by its name, and unsafe where it is outside of the folder. */
function judgeOthers(
  bytes: Buffer,
  label: string,
  { findings }: Examination,
): Judgement | undefined {
  const others = otherFilesIn(bytes, markOf(bytes));
  const leaving = others.find(({ name }) => name !== undefined && leavesFolder(name));
  if (leaving !== undefined)
    findings.reason(
      "WB5003",
      `${label}: ${leaving.how} of HDF5 names ${JSON.stringify(leaving.name)}`,
    );
  const [first] = others;
  if (first === undefined) return undefined;
  const named = first.name === undefined ? "" : ` to ${JSON.stringify(first.name)}`;
  return notUnderstood(`HDF5 with ${first.how}${named}, by which its library reads other files`);
}

/** Bytes that are followed from braces, for each byte of the file: numbers break off after a few. */
const WALKS_A_BYTE = 8;

/** Every text of an object of JSON, in order; the objects in it are not told again. Undefined where braces lead on and on. */
function objectsIn(bytes: Buffer): readonly ParsedJson[] | undefined {
  const found: ParsedJson[] = [];
  let left = WALKS_A_BYTE * bytes.byteLength;
  for (let begin = bytes.indexOf("{"); begin >= 0; begin = bytes.indexOf("{", begin + 1)) {
    const { end, isWhole } = objectEnd(bytes, begin);
    left -= end - begin;
    if (left < 0) return undefined;
    if (!isWhole) continue;
    const text = bytes.toString("utf8", begin, end);
    const root = parsePythonJson(text);
    if (root === undefined) continue;
    found.push({ text, root });
    begin = end - 1;
  }
  return found;
}

/** How far an object goes that begins at a brace: to behind its last brace, or to a byte that no JSON has. */
function objectEnd(
  bytes: Buffer,
  begin: number,
): { readonly end: number; readonly isWhole: boolean } {
  let depth = 0;
  let inText = false;
  for (let index = begin; index < bytes.byteLength; index++) {
    const byte = bytes[index] ?? 0;
    if (byte < 0x20 && (inText || !(byte === 0x09 || byte === 0x0a || byte === 0x0d)))
      return { end: index, isWhole: false };
    if (inText) {
      if (byte === 0x5c) index++;
      else if (byte === 0x22) inText = false;
    } else if (byte > 0x7e) return { end: index, isWhole: false };
    else if (byte === 0x22) inText = true;
    else if (byte === 0x7b) depth++;
    else if (byte === 0x7d && --depth === 0) return { end: index + 1, isWhole: true };
  }
  return { end: bytes.byteLength, isWhole: false };
}
