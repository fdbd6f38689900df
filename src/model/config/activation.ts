import type { ConfigFields } from "./fields.ts";
import type { Activation, NetworkConfig } from "./model-config.ts";
import { unsupported } from "./unsupported.ts";

type Names = readonly [string, ...string[]];

/** transformers' names (v5.23.0, activations.py): four are the approximation by tanh, two the exact GELU. */
const ACTIVATIONS: ReadonlyMap<unknown, Activation> = new Map<unknown, Activation>([
  ["gelu", "gelu"],
  ["gelu_python", "gelu"],
  ["gelu_new", "geluTanh"],
  ["gelu_pytorch_tanh", "geluTanh"],
  ["gelu_fast", "geluTanh"],
  ["gelu_accurate", "geluTanh"],
  ["quick_gelu", "quickGelu"],
  ["relu", "relu"],
  ["relu2", "relu2"],
  ["silu", "silu"],
  ["swish", "silu"],
]);

/** @throws WbError WB4702 for another activation. */
export function readActivation(config: ConfigFields, usual: string, ...names: Names): Activation {
  const written = config.find(...names) ?? usual;
  const activation = ACTIVATIONS.get(written);
  if (activation !== undefined) return activation;
  const field = names.find((name) => config.find(name) !== undefined) ?? names[0];
  throw unsupported(config.path, field, written);
}

/** Of a gated network, whose usual activation is SiLU, and is not told. @throws WbError WB4702 for another activation. */
export function readGate(config: ConfigFields, ...names: Names): Pick<NetworkConfig, "activation"> {
  const activation = readActivation(config, "silu", ...names);
  return activation === "silu" ? {} : { activation };
}

const NAMES: Readonly<Record<Activation, string>> = {
  gelu: "gelu",
  geluTanh: "gelu_pytorch_tanh",
  quickGelu: "quick_gelu",
  relu: "relu",
  relu2: "relu2",
  silu: "silu",
};

/** transformers' name of an activation; of a network that is told none, SiLU's. */
export function activationName({ activation }: Pick<NetworkConfig, "activation">): string {
  return NAMES[activation ?? "silu"];
}
