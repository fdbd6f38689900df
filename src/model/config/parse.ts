import { WbError } from "../../errors/wb-error.ts";
import type { Dtype } from "../../tensor/dtype.ts";
import { ConfigFields, parseRawConfig } from "./fields.ts";
import { FAMILIES } from "../families.ts";
import { nearestName } from "../nearest.ts";
import type { Family } from "../family.ts";
import type { ModelConfig } from "./model-config.ts";

const DTYPE_OF_NAME: ReadonlyMap<string, Dtype> = new Map([
  ["float16", "F16"],
  ["bfloat16", "BF16"],
  ["float32", "F32"],
]);

/**
 * config.json as written → as resolved, by the family that it names.
 * @throws WbError WB3701 naming the field that is missing or contradicts another, WB4701 for an unknown architecture,
 * WB4702 for a setting that is not implemented.
 */
export function parseModelConfig(text: string, path: string): ModelConfig {
  return resolveModelConfig(new ConfigFields(parseRawConfig(text, path), path));
}

/** As `parseModelConfig`, from the fields. */
export function resolveModelConfig(config: ConfigFields): ModelConfig {
  const architecture = architectureOf(config);
  const family = familyFor(config, architecture);
  const network = family.readConfig(config);
  const [bosTokenId] = config.ids("bos_token_id");
  const [padTokenId] = config.ids("pad_token_id");
  return {
    family: family.name,
    architecture: architecture ?? family.architectures[0],
    ...network,
    bosTokenId,
    eosTokenIds: config.has("eos_token_id") ? config.ids("eos_token_id") : (family.eosIds ?? []),
    padTokenId,
    torchDtype: DTYPE_OF_NAME.get(config.text("", "torch_dtype", "dtype").replace(/^torch\./, "")),
    raw: config.raw,
  };
}

function architectureOf(config: ConfigFields): string | undefined {
  const list = config.find("architectures");
  const first: unknown = Array.isArray(list) ? list[0] : list;
  return typeof first === "string" ? first : undefined;
}

/** Ends of classes whose head gives no logits of a next token. */
const OTHER_HEADS =
  /(?:For(?:SequenceClassification|TokenClassification|QuestionAnswering|MultipleChoice|ConditionalGeneration|Embedding|Score)|RewardModel)$/u;

/** @throws WbError WB4701 for a class of the family that is known by its `model_type` alone, and has another head. */
function refuseOtherHead(
  config: ConfigFields,
  { architectures }: Family,
  architecture: string | undefined,
): void {
  if (architecture === undefined || architectures.some((name) => name === architecture)) return;
  if (!OTHER_HEADS.test(architecture)) return;
  const [usual] = architectures;
  throw new WbError(
    "WB4701",
    `${config.path}: architecture ${architecture} has another head than ${usual}, which is supported; inspect, scan, and convert and diff with --architecture none work all the same`,
    { details: { path: config.path, architecture, nearest: usual } },
  );
}

/** The class that config.json names decides; `model_type` only where no class is known. */
function familyFor(config: ConfigFields, architecture: string | undefined): Family {
  const type = config.text("", "model_type");
  const family =
    FAMILIES.find(({ architectures }) => architectures.some((name) => name === architecture)) ??
    FAMILIES.find(
      ({ modelType, paddleClass }) => modelType === type || paddleClass?.modelType === type,
    );
  if (family !== undefined) {
    refuseOtherHead(config, family, architecture);
    return family;
  }
  const known = FAMILIES.flatMap(({ architectures }) => architectures);
  const found = architecture ?? (type === "" ? "none" : type);
  const nearest = nearestName(found, known);
  const ofDiffusers = config.text("", "_class_name");
  if (architecture === undefined && type === "" && ofDiffusers !== "")
    throw new WbError(
      "WB4701",
      `${config.path}: ${ofDiffusers} is a class of Diffusers, of which no model is known here; inspect, scan, and convert and diff with --architecture none work all the same`,
      { details: { path: config.path, architecture: ofDiffusers } },
    );
  if (architecture === undefined && type === "")
    throw new WbError(
      "WB4701",
      `${config.path}: it names no architecture (architectures, model_type); inspect, scan, and convert and diff with --architecture none work all the same`,
      { details: { path: config.path, architecture: found } },
    );
  throw new WbError(
    "WB4701",
    nearest === undefined
      ? `${config.path}: architecture ${found} is not supported; inspect, scan, and convert and diff with --architecture none work all the same; known are ${known.join(", ")}`
      : `${config.path}: architecture ${found} is not supported; the nearest known is ${nearest}; inspect, scan, and convert and diff with --architecture none work all the same; known are ${known.join(", ")}`,
    {
      details: {
        path: config.path,
        architecture: found,
        ...(nearest === undefined ? {} : { nearest }),
      },
    },
  );
}
