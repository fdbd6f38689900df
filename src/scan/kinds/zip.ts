import { WbError } from "../../errors/wb-error.ts";
import { readPytorchObject, tableOfObject, unusedRecords } from "../../formats/pytorch/zip.ts";
import type { ByteSource } from "../../tensor/byte-source.ts";
import { reportLeavingNames } from "../archive/member-name.ts";
import { salvageZip } from "../archive/salvage.ts";
import { unpack, type PackedKind } from "../archive/unpack.ts";
import { zipMembers, type ZipMember } from "../archive/zip-members.ts";
import { inside, type Examination } from "../context.ts";
import { examined, harmless, notUnderstood, together, type Judgement } from "../judgement.ts";
import { optionsOf, takeDanger } from "./pickle.ts";

/** Examines a member or a file; `examine` of ../examine.ts, which reads archives in turn. */
export type Examine = (source: ByteSource, context: Examination) => Promise<Judgement>;

const STORED = 0;

/** How members may be compressed, by their methods (APPNOTE 6.3.10, 4.4.5); Python's zipfile reads all but xz. */
const METHODS: ReadonlyMap<number, PackedKind> = new Map([
  [8, "deflate"],
  [12, "bzip2"],
  [14, "zip-lzma"],
  [93, "zstd"],
  [95, "xz"],
]);

/** Members that are named where an archive holds programs. */
const NAMED_PROGRAMS = 5;

/** Judges a zip by all its members: an archive of torch.save, a TorchScript program, or any other. */
export async function examineZip(
  source: ByteSource,
  context: Examination,
  examine: Examine,
): Promise<Judgement> {
  let members: readonly ZipMember[];
  try {
    members = await zipMembers(source);
    context.budget.members(members.length, source.label);
  } catch (error) {
    if (!(error instanceof WbError)) throw error;
    context.findings.takeUnsafe(error);
    await salvageZip(source, context);
    return notUnderstood(`a zip that readers may see in different ways: ${error.message}`);
  }
  reportLeavingNames(
    members.map(({ name }) => name),
    source.label,
    context,
  );
  const pickles = members.filter(({ name }) => name === "data.pkl" || name.endsWith("/data.pkl"));
  const [pickle] = pickles;
  if (pickle === undefined) return together("a zip", await judgeAll(members, context, examine));
  if (pickles.length > 1) {
    const names = pickles.map(({ name }) => name).join(", ");
    context.findings.reason("WB5301", `${source.label}: the zip holds several data.pkl: ${names}`);
  }
  return examineTorch(source, members, pickle, context, examine);
}

async function examineTorch(
  source: ByteSource,
  members: readonly ZipMember[],
  pickle: ZipMember,
  context: Examination,
  examine: Examine,
): Promise<Judgement> {
  const root = pickle.name.slice(0, -"data.pkl".length);
  const isScript = members.some(({ name }) => name === `${root}constants.pkl`);
  // torch.package unpickles any record that its caller names, numbers among them, and needs this record to be opened.
  const isPackage = members.some(({ name }) => /(?:^|\/)\.data\/extern_modules$/i.test(name));
  const storages = isPackage ? [] : [`${root}data/`, ...(isScript ? [`${root}constants/`] : [])];
  // torch.save names them by number. A name with a dot or a folder is one that another reader of zips may look for.
  const isStorage = ({ name }: ZipMember): boolean =>
    storages.some(
      (folder) => name.startsWith(folder) && /^[\w-]+$/.test(name.slice(folder.length)),
    );
  const others = members.filter((member) => !isStorage(member) && !isMark(member, root));
  const judged = await judgeAll(others, { ...context, isScript }, examine);
  if (isScript) return script(others, root, judged);
  const unused = new Set<string>();
  const error = await takeDanger(context, async () => {
    const object = await readPytorchObject(source, optionsOf(context));
    for (const { name } of unusedRecords(object)) unused.add(name);
    await tableOfObject(object, source.label);
  });
  // What no tensor uses holds no tensor's numbers, whatever its name says.
  const loose = members.filter((member) => isStorage(member) && unused.has(member.name));
  judged.push(...(await judgeAll(loose, context, examine)));
  const records = members.length - others.length - loose.length;
  const both = together(`a torch.save archive of ${records} raw records`, judged);
  return error === undefined || both.state === "not-understood"
    ? both
    : examined(`${both.why}; not opened as weights: ${error.message}`);
}

/** Records of a few bytes that torch.save writes beside the pickle. */
function isMark({ name, stored }: ZipMember, root: string): boolean {
  const MARKS = ["version", "byteorder", ".format_version", ".storage_alignment"];
  const record = name.startsWith(root) ? name.slice(root.length) : "";
  return (MARKS.includes(record) || record === ".data/serialization_id") && stored.byteLength <= 64;
}

/** TorchScript's code is read by torch.jit.load, and runs when the model is called. */
function script(
  members: readonly ZipMember[],
  root: string,
  judged: readonly (readonly [string, Judgement])[],
): Judgement {
  const code = members
    .map(({ name }) => name)
    .filter((name) => name.startsWith(`${root}code/`) && name.endsWith(".py"));
  const shown = code.slice(0, NAMED_PROGRAMS).join(", ");
  const more = code.length > NAMED_PROGRAMS ? `, and ${code.length - NAMED_PROGRAMS} more` : "";
  const open = judged.filter(
    ([name, { state }]) => state === "not-understood" && !name.startsWith(`${root}code/`),
  );
  const rest = open.length === 0 ? "" : `; ${together("beside it", open).why}`;
  return notUnderstood(
    `a TorchScript program, which torch.jit.load compiles and runs, and scan does not judge: ${code.length === 0 ? "no code files" : `${shown}${more}`}${rest}`,
  );
}

async function judgeAll(
  members: readonly ZipMember[],
  context: Examination,
  examine: Examine,
): Promise<(readonly [string, Judgement])[]> {
  const judged: (readonly [string, Judgement])[] = [];
  for (const member of members) judged.push([member.name, await judge(member, context, examine)]);
  return judged;
}

async function judge(
  { name, method, isEncrypted, isLink, inflatedLength, stored }: ZipMember,
  context: Examination,
  examine: Examine,
): Promise<Judgement> {
  if (isLink) return notUnderstood("a link");
  if (isEncrypted) return notUnderstood("encrypted");
  if (stored.byteLength === 0 && name.endsWith("/")) return harmless("a folder");
  const kind = METHODS.get(method);
  if (method !== STORED && kind === undefined)
    return notUnderstood(`compressed by method ${method}`);
  try {
    const within = inside(context, name);
    if (kind === undefined) return await examine(stored, within);
    const { data, fault } = await unpack(stored, kind, context.budget, inflatedLength);
    const judgement = await examine(data, within);
    return fault === undefined ? judgement : notUnderstood(fault.message);
  } catch (error) {
    if (!(error instanceof WbError)) throw error;
    context.findings.takeUnsafe(error);
    return notUnderstood(error.message);
  }
}
