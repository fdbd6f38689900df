import { WbError } from "../../errors/wb-error.ts";
import type { ByteSource } from "../../tensor/byte-source.ts";
import { isAllowedGlobal } from "../pickle/allow.ts";
import type { PickleOptions } from "../pickle/options.ts";
import { readPickle } from "../pickle/read.ts";
import type { PickleValue } from "../pickle/value.ts";
import { WHOLE_FILE } from "./choose-state.ts";
import { isScriptModule, scriptState } from "./script.ts";
import { storageKeys } from "./storage-keys.ts";
import type { StorageRef } from "./storage.ts";
import { tableOf, type PytorchOptions, type PytorchTable, type StorageLookup } from "./table.ts";
import { torchItemBytes } from "./tensor.ts";
import { readZip, type ZipEntry } from "../archive/zip.ts";

/** Longest `byteorder` record, in bytes: "little". */
const MAX_BYTE_ORDER_BYTES = 16;

/** The pickle of a zip, and the records beside it. */
export interface PytorchArchive {
  readonly pickle: ByteSource;
  readonly root: string;
  readonly entries: readonly ZipEntry[];
  /** Whether torch.jit.save wrote it: a program, whose pickle names classes of its own code. */
  readonly isScript: boolean;
}

/**
 * Finds the one data.pkl of a zip that torch.save wrote; its folder has any name.
 * @throws WbError WB3301, WB4101, WB5301 beside those of `readZip`.
 */
export async function openArchive(source: ByteSource): Promise<PytorchArchive> {
  const entries = await readZip(source);
  const pickles = entries.filter(({ name }) => name === "data.pkl" || name.endsWith("/data.pkl"));
  const [pickle] = pickles;
  if (pickle === undefined) {
    const other = OTHER_ARCHIVES.find(({ record }) =>
      entries.some(({ name }) => record.test(name)),
    );
    if (other !== undefined)
      throw new WbError(
        "WB4001",
        `${source.label}: ${other.what}, which weighbridge does not read`,
        { hint: other.hint, details: { path: source.label } },
      );
    throw new WbError(
      "WB3301",
      `${source.label}: the zip holds no data.pkl, so torch.save did not write it`,
      { details: { path: source.label } },
    );
  }
  if (pickles.length > 1) {
    const names = pickles.map(({ name }) => name).join(", ");
    throw new WbError("WB5301", `${source.label}: the zip holds several data.pkl: ${names}`, {
      details: { path: source.label },
    });
  }
  const root = pickle.name.slice(0, -"data.pkl".length);
  refuseEqualButForCase(entries, source.label);
  const unusable = entries.find(({ unsupported }) => unsupported !== undefined);
  if (unusable?.unsupported !== undefined) throw unusable.unsupported;
  const isScript = entries.some(({ name }) => name === `${root}constants.pkl`);
  return { pickle: pickle.data, root, entries, isScript };
}

const TAKE_STATE = "In Python, save its weights alone:";

/** Zips of other programs, told by a record that only they have, so that nobody is told that a file is damaged. */
const OTHER_ARCHIVES: readonly {
  readonly record: RegExp;
  readonly what: string;
  readonly hint: string;
}[] = [
  {
    // torch v2.6, torch/export/pt2_archive/constants.py and torch/export/__init__.py.
    record: /(^|\/)(archive_format|serialized_exported_program\.json|models\/[^/]+\.json)$/,
    what: "a program of torch.export (.pt2)",
    hint: `${TAKE_STATE} torch.save(torch.export.load(FILE).state_dict, "weights.pt").`,
  },
  {
    // torch v2.6, torch/package/package_exporter.py.
    record: /(^|\/)\.data\/(extern_modules|python_version)$/,
    what: "a package of torch.package, which holds a program",
    hint: `${TAKE_STATE} torch.save(model.state_dict(), "weights.pt"), with the model that its PackageImporter loads.`,
  },
  {
    record: /(^|\/)model\.weights\.h5$/,
    what: "a model of Keras (.keras)",
    hint: `${TAKE_STATE} numpy.savez("weights.npz", **{w.path: w.numpy() for w in model.weights}).`,
  },
];

/** What a zip of torch.save holds, unpickled, and how the tensors in it find their bytes. */
export interface PytorchObject {
  readonly archive: PytorchArchive;
  readonly value: PickleValue;
  readonly byteOrder: "little" | "big";
  readonly lookup: StorageLookup;
}

/** Reads a zip's table of tensors; their bytes stay where they are. */
export async function readPytorchZip(
  source: ByteSource,
  options: PytorchOptions = {},
): Promise<PytorchTable> {
  return tableOfObject(await readPytorchObject(source, options), source.label, options);
}

/** The table of tensors of what was unpickled. @throws WbError of tensors that are not as they are described. */
export async function tableOfObject(
  object: PytorchObject,
  label: string,
  options: PytorchOptions = {},
): Promise<PytorchTable> {
  const { archive, value, byteOrder, lookup } = object;
  const others = unusedRecords(object).map(({ name, data }) => ({
    name,
    why: `a storage of ${data.byteLength} bytes that no tensor in the file uses`,
  }));
  if (!archive.isScript) {
    const table = tableOf(value, label, byteOrder, lookup, options);
    return { ...table, skipped: [...table.skipped, ...others] };
  }
  const script = await scriptState(value, archive.entries, archive.root, label);
  // Its names are those of its attributes: none of them says what a training program put there.
  const select = options.select ?? WHOLE_FILE;
  const table = tableOf(script.state, label, byteOrder, lookup, { ...options, select });
  return {
    tensors: table.tensors,
    skipped: [...table.skipped, ...script.skipped, ...others],
    notes: [...(table.notes ?? []), ...script.notes],
  };
}

/** Unpickles a zip of torch.save; the bytes of its tensors stay where they are. */
export async function readPytorchObject(
  source: ByteSource,
  options: Partial<PickleOptions> = {},
): Promise<PytorchObject> {
  const archive = await openArchive(source);
  const records = new Map(archive.entries.map((entry) => [entry.name, entry.data]));
  const allow = archive.isScript ? isOfScript : isAllowedGlobal;
  const { value } = await readPickle(archive.pickle, 0, { allow, ...options });
  const described = new Map<string, StorageRef>();
  const lookup: StorageLookup = (storage, tensor, where) => {
    refuseSecondDescription(storage, described, where);
    const name = `${archive.root}data/${storage.key}`;
    const record = records.get(name);
    if (record === undefined)
      throw new WbError("WB3304", `${where}: its storage ${name} is not in the zip`, {
        details: { where },
      });
    const expected =
      storage.length * (storage.dtype === undefined ? 1 : torchItemBytes(storage.dtype, where));
    if (record.byteLength !== expected) {
      throw new WbError(
        "WB3304",
        `${where} (${tensor.dtype}): its storage ${name} has ${record.byteLength} bytes, expected ${expected}`,
        { details: { where } },
      );
    }
    return {
      source: record,
      begin: 0,
      byteLength: record.byteLength,
      identity: `${source.label}:${storage.key}`,
    };
  };
  const byteOrder = await byteOrderOf(archive, records, source.label);
  return { archive, value, byteOrder, lookup };
}

function isOfScript(module: string, name: string): boolean {
  return isScriptModule(module) || isAllowedGlobal(module, name);
}

/** Storages that are in the zip and in no tensor: their bytes are not taken, and somebody put them there. */
export function unusedRecords({ archive, value }: PytorchObject): readonly ZipEntry[] {
  const named = storageKeys(value);
  const folder = `${archive.root}data/`;
  return archive.entries.filter(
    ({ name }) => name.startsWith(folder) && !named.has(name.slice(folder.length)),
  );
}

/** torch takes a storage's dtype from its first mention, whatever the later ones say. */
function refuseSecondDescription(
  storage: StorageRef,
  described: Map<string, StorageRef>,
  where: string,
): void {
  const known = described.get(storage.key) ?? storage;
  described.set(storage.key, known);
  if (known.dtype === storage.dtype && known.length === storage.length) return;
  throw new WbError(
    "WB3304",
    `${where}: its storage ${storage.key} is ${storage.dtype ?? "untyped"} of ${storage.length} elements here, but ${known.dtype ?? "untyped"} of ${known.length} for another tensor`,
    { details: { where } },
  );
}

/** torch's zip reader (miniz) looks records up without regard to case. */
function refuseEqualButForCase(entries: readonly ZipEntry[], label: string): void {
  const seen = new Map<string, string>();
  for (const { name } of entries) {
    const folded = name.toLowerCase();
    const other = seen.get(folded);
    if (other !== undefined) {
      throw new WbError(
        "WB5101",
        `${label}: zip entries ${JSON.stringify(other)} and ${JSON.stringify(name)} differ in case only`,
        { details: { path: label } },
      );
    }
    seen.set(folded, name);
  }
}

async function byteOrderOf(
  archive: PytorchArchive,
  records: ReadonlyMap<string, ByteSource>,
  label: string,
): Promise<"little" | "big"> {
  const record = records.get(`${archive.root}byteorder`);
  if (record === undefined) return "little";
  const text =
    record.byteLength <= MAX_BYTE_ORDER_BYTES
      ? Buffer.from(await record.read(0, record.byteLength))
          .toString("latin1")
          .trim()
      : "";
  if (text === "little" || text === "big") return text;
  throw new WbError(
    "WB3301",
    `${label}: its byteorder record says ${JSON.stringify(text)}, expected little or big`,
    { details: { path: label } },
  );
}
