import { join } from "node:path";
import { TOKENIZER_FILES } from "../mapping/converted-folder.ts";
import type { OpenedModel } from "../session/open-model.ts";
import { listPlace } from "../sources/places.ts";

/** What a file is in a verification: of the model that is verified, or of what it is held against. */
export type InputRole =
  "weights" | "config" | "tokenizer" | "golden" | "other-weights" | "other-config" | "imatrix";

/** A file that takes part in a verification. */
export interface InputFile {
  readonly role: InputRole;
  readonly path: string;
}

/** The files of a model: weights, the configuration that describes them, and its tokenizer's. A GGUF file may be all of them. */
export async function inputsOf(model: OpenedModel): Promise<readonly InputFile[]> {
  const isInside = model.checkpoint.files.includes(model.folder);
  const names = isInside ? [] : await listPlace(model.folder);
  return [
    ...weightsAndConfig(model),
    ...names
      .filter((name) => TOKENIZER_FILES.test(name))
      .toSorted()
      .map((name): InputFile => ({ role: "tokenizer", path: join(model.folder, name) })),
  ];
}

/** The files of what a model is held against. */
export function otherInputs(model: OpenedModel): readonly InputFile[] {
  return weightsAndConfig(model).map(({ role, path }) => ({
    role: role === "weights" ? "other-weights" : "other-config",
    path,
  }));
}

function weightsAndConfig({ checkpoint, configText, configPath }: OpenedModel): InputFile[] {
  return [
    ...checkpoint.files.map((path): InputFile => ({ role: "weights", path })),
    ...(configText === undefined || checkpoint.files.includes(configPath)
      ? []
      : [{ role: "config", path: configPath } as const]),
  ];
}
