/** Whether a file was looked at, and with what outcome; what it names is told apart from this. */
export interface Judgement {
  readonly state: FileState;
  /** What the file is, and why that is harmless, or what is not understood of it. */
  readonly why: string;
}

/** Examined by its content, harmless by its kind, or neither. */
export type FileState = "examined" | "harmless" | "not-understood";

export const examined = (why: string): Judgement => ({ state: "examined", why });
export const harmless = (why: string): Judgement => ({ state: "harmless", why });
export const notUnderstood = (why: string): Judgement => ({ state: "not-understood", why });

/** Members that are named where some are not understood. */
const NAMED_MEMBERS = 3;

/** The judgement of what holds several members: understood when all of them are. */
export function together(
  what: string,
  members: readonly (readonly [name: string, judgement: Judgement])[],
): Judgement {
  const open = members.filter(([, { state }]) => state === "not-understood");
  if (open.length === 0) {
    const count = members.length === 1 ? "its one member" : `each of its ${members.length} members`;
    return examined(`${what}; ${count} was examined or is harmless by its kind`);
  }
  const named = open.slice(0, NAMED_MEMBERS).map(([name, { why }]) => `${name}: ${why}`);
  const more = open.length > NAMED_MEMBERS ? `; and ${open.length - NAMED_MEMBERS} more` : "";
  return notUnderstood(`${what}; ${named.join("; ")}${more}`);
}
