/** The functions of a WebAssembly module with the names of their parameters, in the order in which its source declares them. */
export type ParameterNames = Readonly<Record<string, readonly string[]>>;

/** Those functions, called with each parameter by its name. A function without a result gives 0. */
export type NamedCalls<Names extends ParameterNames> = {
  readonly [Name in keyof Names]: (given: Readonly<Record<Names[Name][number], number>>) => number;
};

/**
 * A WebAssembly function takes numbers by position, and fourteen in a row cannot be told apart. Here the names come from the
 * function's own source, so that a missing or misspelt one does not compile.
 * @throws TypeError When the module does not export a function of such a name.
 */
export function namedCalls<const Names extends ParameterNames>(
  exports: Readonly<Record<string, WebAssembly.ExportValue>>,
  names: Names,
): NamedCalls<Names> {
  const calls = Object.fromEntries(
    Object.entries(names).map(([name, parameters]) => [
      name,
      namedCall(name, exports[name], parameters),
    ]),
  );
  if (hasAll(calls, names)) return calls;
  throw new TypeError("the module's functions are not those of its source");
}

function namedCall(
  name: string,
  exported: WebAssembly.ExportValue | undefined,
  parameters: readonly string[],
): (given: Readonly<Record<string, number>>) => number {
  if (typeof exported !== "function") throw new TypeError(`the module does not export ${name}`);
  return (given) => {
    const result = exported(...parameters.map((parameter) => given[parameter] ?? NaN));
    return typeof result === "number" ? result : 0;
  };
}

function hasAll<Names extends ParameterNames>(
  calls: object,
  names: Names,
): calls is NamedCalls<Names> {
  return Object.keys(names).every((name) => typeof Reflect.get(calls, name) === "function");
}
