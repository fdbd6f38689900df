import { WbError } from "../../errors/wb-error.ts";
import type { ZipEntry } from "../archive/zip.ts";

/** Names of the parameters and buffers of each class, by the class's full name. */
export type Declarations = ReadonlyMap<string, ReadonlySet<string>>;

/** Bytes of all code of a program; those of large models have some megabytes. */
const MAX_CODE_BYTES = 64 * 2 ** 20;

const CLASS = /^class (?<name>\w+)\(Module\):$/;
/** Written by torch's printer, a line each (torch v2.6, torch/csrc/jit/serialization/python_print.cpp, `printClass`). */
const DECLARATION = /^ {2}__(?:parameters|buffers)__ = \[(?<items>.*)\]$/;

/**
 * What the classes in a TorchScript archive's code declare. The code is text: of each class the two lines that list its tensors are read.
 * @throws WbError WB3301, WB5204 for more code than any program has.
 */
export async function declaredTensors(
  entries: readonly ZipEntry[],
  folder: string,
  label: string,
): Promise<Declarations> {
  const code = entries.filter(
    ({ name }) => name.startsWith(`${folder}code/`) && name.endsWith(".py"),
  );
  const bytes = code.reduce((sum, { data }) => sum + data.byteLength, 0);
  if (bytes > MAX_CODE_BYTES)
    throw new WbError("WB5204", `${label}: ${bytes} bytes of code, more than any program has`, {
      details: { where: label },
    });
  const declared = new Map<string, Set<string>>();
  for (const { name, data } of code) {
    const module = name.slice(`${folder}code/`.length, -".py".length).replaceAll("/", ".");
    const text = Buffer.from(await data.read(0, data.byteLength)).toString("utf8");
    let tensors = new Set<string>();
    for (const line of text.split("\n")) {
      const found = CLASS.exec(line)?.groups?.["name"];
      if (found !== undefined) {
        tensors = new Set();
        declared.set(`${module}.${found}`, tensors);
      }
      const items = DECLARATION.exec(line)?.groups?.["items"];
      if (items !== undefined) for (const item of itemsOf(items, name, label)) tensors.add(item);
    }
  }
  return declared;
}

/** `"weight", "bias", ` */
function itemsOf(text: string, file: string, label: string): readonly string[] {
  try {
    const items: unknown = JSON.parse(`[${text.replace(/, $/, "")}]`);
    if (Array.isArray(items) && items.every((item) => typeof item === "string")) return items;
  } catch {
    // What is no list of names is refused below.
  }
  throw new WbError("WB3301", `${label}: ${file}: expected names, found ${text.slice(0, 80)}`, {
    details: { path: label },
  });
}
