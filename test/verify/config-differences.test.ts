import { expect, it } from "vitest";
import { configDifferences, visibleSettings } from "../../src/verify/config-differences.ts";
import { internlmConfig, SMALL } from "../support/model-config.ts";

const MODEL = internlmConfig(SMALL);
const window = { size: 16, layers: [true, false] };

it.each([
  [
    "lost",
    undefined,
    "sliding_window is null here, 16 there; layers with a window is [] here, [0] there",
  ],
  ["of another size", { ...window, size: 8 }, "sliding_window is 8 here, 16 there"],
  [
    "in other layers",
    { ...window, layers: [true, true] },
    "layers with a window is [0,1] here, [0] there",
  ],
])("names a window that is %s", (_name, own, evidence) => {
  const ours = own === undefined ? MODEL : { ...MODEL, window: own };
  const found = configDifferences(visibleSettings(ours, { ...MODEL, window }));
  expect(found).toEqual([{ cause: "config-mismatch", tensors: [], evidence }]);
});
