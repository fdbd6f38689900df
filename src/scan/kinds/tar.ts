import { WbError } from "../../errors/wb-error.ts";
import { readPytorchTar } from "../../formats/pytorch/tar.ts";
import type { ByteSource } from "../../tensor/byte-source.ts";
import { reportLeavingNames } from "../archive/member-name.ts";
import { tarMembers, type TarMember } from "../archive/tar-members.ts";
import { inside, type Examination } from "../context.ts";
import { examined, notUnderstood, together, type Judgement } from "../judgement.ts";
import { takeDanger } from "./pickle.ts";
import type { Examine } from "./zip.ts";

/** Judges a tar by all its members: torch.save's of before 0.1.10, or any other. */
export async function examineTar(
  source: ByteSource,
  context: Examination,
  examine: Examine,
): Promise<Judgement> {
  let members: readonly TarMember[];
  try {
    members = await tarMembers(source);
    context.budget.members(members.length, source.label);
  } catch (error) {
    if (!(error instanceof WbError)) throw error;
    context.findings.takeUnsafe(error);
    return notUnderstood(`a damaged tar: ${error.message}`);
  }
  reportLeavingNames(
    members.map(({ name }) => name),
    source.label,
    context,
  );
  const names = new Set(members.map(({ name }) => name));
  if (names.has("pickle") && names.has("storages") && names.has("tensors"))
    return examineTorchTar(source, context);
  const judged: (readonly [string, Judgement])[] = [];
  for (const { name, isFolder, data } of members) {
    if (isFolder) continue;
    const judgement =
      data === undefined ? notUnderstood("a link") : await judge(data, name, context, examine);
    judged.push([name, judgement]);
  }
  return together("a tar", judged);
}

async function judge(
  data: ByteSource,
  name: string,
  context: Examination,
  examine: Examine,
): Promise<Judgement> {
  try {
    return await examine(data, inside(context, name));
  } catch (error) {
    if (!(error instanceof WbError)) throw error;
    return notUnderstood(error.message);
  }
}

/** Its members hold pickles and numbers alternately, which only its own reader can follow. */
async function examineTorchTar(source: ByteSource, context: Examination): Promise<Judgement> {
  const { findings, signal } = context;
  const error = await takeDanger(context, () =>
    readPytorchTar(source, {
      allow: () => true,
      onGlobal: (global) => findings.add({ ...global, isWhole: true }, context),
      ...(signal === undefined ? {} : { signal }),
    }),
  );
  const what = "torch.save's tar of before 0.1.10";
  return error === undefined ? examined(what) : notUnderstood(`${what}: ${error.message}`);
}
