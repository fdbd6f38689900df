import type { Examination } from "../context.ts";

/** Folders, drives and roots that a member's name leads to, where an archive is unpacked as it says. */
const LEAVES = /^[\\/]|^[A-Za-z]:|(?:^|[\\/])\.\.(?:[\\/]|$)/;

/** Whether a name leads to another place than the folder of what names it and those below: by its path, or as an address. */
export const leavesFolder = (name: string): boolean =>
  LEAVES.test(name) || /^~|^\w+:\/\//.test(name);

/** Tells of names that lead out of the folder that an archive is unpacked into. */
export function reportLeavingNames(
  names: readonly string[],
  label: string,
  { findings }: Examination,
): void {
  const name = names.find((text) => LEAVES.test(text));
  if (name !== undefined)
    findings.reason(
      "WB5103",
      `${label}: the member ${JSON.stringify(name)} leads out of the folder it is unpacked into`,
    );
}
