import { isRecord } from "../model/config/fields.ts";
import { Problem } from "./problem.ts";

/** Typed access to the fields of a request; null counts as not given. What nobody asked for is refused in the end. */
export class Fields {
  readonly #values: ReadonlyMap<string, unknown>;
  readonly #asked = new Set<string>();
  readonly #spelled: ReadonlyMap<string, string>;
  readonly #readExactly: () => unknown;

  /**
   * @param spelled Numbers as they were sent, of fields whose value is another one by now.
   * @param readExactly Reads the same object as `parsePythonJson` does.
   * @throws Problem 400 for anything but a JSON object.
   */
  constructor(
    body: unknown,
    spelled: ReadonlyMap<string, string> = new Map(),
    readExactly: () => unknown = () => body,
  ) {
    this.#spelled = spelled;
    this.#readExactly = readExactly;
    if (!isRecord(body)) throw new Problem(400, "expected a JSON object");
    // A Map has no prototype whose fields a name could reach.
    this.#values = new Map(Object.entries(body).filter(([, value]) => value !== null));
  }

  /** The field as it is. */
  any(name: string): unknown {
    this.#asked.add(name);
    return this.#values.get(name);
  }

  /** The field as Python's `json` reads it, for what a chat template prints: see `parsePythonJson`. */
  exactly(name: string): unknown {
    if (this.any(name) === undefined) return undefined;
    const body = this.#read(name);
    return isRecord(body) && Object.hasOwn(body, name) ? body[name] : undefined;
  }

  #read(name: string): unknown {
    try {
      return this.#readExactly();
    } catch (cause) {
      throw new Problem(400, `${name}: a whole number has too many digits`, {
        param: name,
        code: "invalid_value",
        cause,
      });
    }
  }

  has(name: string): boolean {
    return this.any(name) !== undefined;
  }

  /** A number between two others, both included. */
  number(name: string, least: number, most: number): number | undefined {
    const value = this.any(name);
    if (value === undefined) return undefined;
    if (typeof value === "number" && value >= least && value <= most) return value;
    throw this.wrong(name, `a number from ${least} to ${most}`, value);
  }

  /** A whole number between two others, both included. */
  whole(name: string, least: number, most: number): number | undefined {
    const value = this.any(name);
    if (value === undefined) return undefined;
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= least && value <= most)
      return value;
    throw this.wrong(name, `a whole number from ${least} to ${most}`, value);
  }

  /** A whole number of 64 bits with its sign. */
  int64(name: string): bigint | undefined {
    const value = this.any(name);
    if (value === undefined) return undefined;
    const spelled = typeof value === "number" ? (this.#spelled.get(name) ?? String(value)) : "";
    if (/^-?\d+$/.test(spelled) && BigInt.asIntN(64, BigInt(spelled)) === BigInt(spelled))
      return BigInt(spelled);
    throw this.wrong(name, "a whole number from -2^63 to 2^63 - 1", value);
  }

  flag(name: string): boolean {
    const value = this.any(name);
    if (value === undefined) return false;
    if (typeof value === "boolean") return value;
    throw this.wrong(name, "true or false", value);
  }

  text(name: string): string | undefined {
    const value = this.any(name);
    if (value === undefined || typeof value === "string") return value;
    throw this.wrong(name, "a text", value);
  }

  /** An object, for its own fields. */
  object(name: string): Fields | undefined {
    const value = this.any(name);
    if (value === undefined) return undefined;
    if (isRecord(value)) return new Fields(value);
    throw this.wrong(name, "an object", value);
  }

  /** Fields without effect here, which clients send all the same. */
  ignore(...names: readonly string[]): void {
    for (const name of names) this.#asked.add(name);
  }

  /** A feature that is not there: only a value that leaves it off is taken. */
  refuse(name: string, isOff: (value: unknown) => boolean, why: string): void {
    const value = this.any(name);
    if (value === undefined || isOff(value)) return;
    throw new Problem(400, `${name}: ${why}`, { param: name, code: "unsupported_parameter" });
  }

  /** @throws Problem 400 naming a field that nothing asked for. */
  refuseOthers(): void {
    for (const name of this.#values.keys()) {
      if (this.#asked.has(name)) continue;
      const shown = JSON.stringify(name.slice(0, 64));
      throw new Problem(400, `unknown field ${shown}`, {
        param: name.slice(0, 64),
        code: "unknown_parameter",
      });
    }
  }

  wrong(name: string, expected: string, found: unknown): Problem {
    const spelled = this.any(name) === found ? this.#spelled.get(name) : undefined;
    const shown = (spelled ?? shownJson(found)).slice(0, 80);
    return new Problem(400, `${name}: expected ${expected}, found ${shown}`, {
      param: name,
      code: "invalid_value",
    });
  }
}

/** A value as JSON, without a number that was never sent: those beyond 2^53 were rounded when they were read. */
export function shownJson(value: unknown): string {
  const text: unknown = JSON.stringify(value, (_key, part: unknown) =>
    isRounded(part) || typeof part === "bigint" ? "a number beyond 2^53" : part,
  );
  return typeof text === "string" ? text : "nothing";
}

const isRounded = (part: unknown): boolean =>
  typeof part === "number" && !(Math.abs(part) <= Number.MAX_SAFE_INTEGER);
