import { failed, unsupported } from "../problem.ts";
import { isObject, Undefined, type Namespace, type Value } from "../values/value.ts";

/** Variables that can be seen at one place; an assignment stays in the innermost scope. */
export class Scope {
  readonly #parent: Scope | undefined;
  readonly #values = new Map<string, Value>();

  constructor(parent: Scope | undefined, values?: Iterable<readonly [string, Value]>) {
    this.#parent = parent;
    for (const [name, value] of values ?? []) this.#values.set(name, value);
  }

  get(name: string): Value {
    const value = this.find(name);
    if (value === undefined && name === "self") throw unsupported("self");
    return value === undefined ? new Undefined(`'${name}' is undefined`) : value;
  }

  find(name: string): Value | undefined {
    const value = this.#values.get(name);
    // None is a value, and null to us.
    return value === undefined ? this.#parent?.find(name) : value;
  }

  set(name: string, value: Value): void {
    this.#values.set(name, value);
  }

  /** The namespace of a name. @throws JinjaError for anything else. */
  namespace(name: string): Namespace {
    const value = this.get(name);
    if (isObject(value) && value.kind === "namespace") return value;
    throw failed("cannot assign attribute on non-namespace object");
  }
}
