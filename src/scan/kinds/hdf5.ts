import type { ByteSource } from "../../tensor/byte-source.ts";
import type { Examination } from "../context.ts";
import { harmless, notUnderstood, type Judgement } from "../judgement.ts";
import { factsOf, judgeFacts } from "./json.ts";

export const HDF5_MAGIC = Buffer.from("\u0089HDF\r\n\u001a\n", "latin1");

/** Largest file that is searched, in bytes. */
const MAX_SEARCHED_BYTES = 256 * 2 ** 20;

const CONFIG_NAME = "model_config";

/**
 * Judges HDF5 as Keras writes it: numbers, and the model's configuration as JSON in one attribute, uncompressed. It is
 * searched for, not parsed: a file without the attribute's name holds no layers.
 */
export async function examineHdf5(source: ByteSource, context: Examination): Promise<Judgement> {
  if (source.byteLength > MAX_SEARCHED_BYTES)
    return notUnderstood(`HDF5 of more than ${MAX_SEARCHED_BYTES} bytes`);
  const bytes = Buffer.from(await source.read(0, source.byteLength));
  if (bytes.indexOf(CONFIG_NAME) < 0)
    return harmless("HDF5 without a model of Keras in it: numbers, which no loader runs");
  let found = false;
  for (const mark of ['{"class_name"', '{"module"', '{"name"', '{"config"']) {
    for (let begin = bytes.indexOf(mark); begin >= 0; begin = bytes.indexOf(mark, begin + 1)) {
      const end = jsonEnd(bytes, begin);
      if (end === undefined) continue;
      const facts = factsOf(JSON.parse(bytes.toString("utf8", begin, end)) as unknown);
      const judgement = judgeFacts(facts, "HDF5", source.label, context);
      if (judgement.state === "not-understood" || context.findings.isUnsafe) return judgement;
      found = true;
      begin = end;
    }
  }
  return found
    ? { state: "examined", why: "HDF5 with a model of Keras, whose layers hold no code" }
    : notUnderstood("HDF5 with a model of Keras whose configuration was not found");
}

/** Byte behind the object that begins at a brace, where it is JSON. */
function jsonEnd(bytes: Buffer, begin: number): number | undefined {
  let depth = 0;
  let inText = false;
  for (let index = begin; index < bytes.byteLength; index++) {
    const byte = bytes[index];
    if (inText) {
      if (byte === 0x5c) index++;
      else if (byte === 0x22) inText = false;
    } else if (byte === 0x22) inText = true;
    else if (byte === 0x7b) depth++;
    else if (byte === 0x7d && --depth === 0) return isJson(bytes, begin, index + 1);
  }
  return undefined;
}

function isJson(bytes: Buffer, begin: number, end: number): number | undefined {
  try {
    JSON.parse(bytes.toString("utf8", begin, end));
    return end;
  } catch {
    return undefined;
  }
}
