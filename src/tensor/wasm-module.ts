import { namedCalls, type NamedCalls, type ParameterNames } from "./named-calls.ts";

/** An instance of a module of our own that has its memory to itself. */
export interface WasmModule<Names extends ParameterNames> {
  readonly memory: WebAssembly.Memory;
  readonly calls: NamedCalls<Names>;
}

const compiled = new Map<string, WebAssembly.Module>();

/**
 * Makes an instance; a module is compiled once a thread.
 * @param base64 The module, as its generated file has it. @param names Of its functions' parameters, from the same file.
 * @throws TypeError When the module does not export a memory and these functions.
 */
export function openModule<const Names extends ParameterNames>(
  base64: string,
  names: Names,
): WasmModule<Names> {
  const module = compiled.get(base64) ?? new WebAssembly.Module(Buffer.from(base64, "base64"));
  compiled.set(base64, module);
  const { exports } = new WebAssembly.Instance(module);
  const { memory } = exports;
  if (!(memory instanceof WebAssembly.Memory))
    throw new TypeError("the module does not export its memory");
  return { memory, calls: namedCalls(exports, names) };
}
