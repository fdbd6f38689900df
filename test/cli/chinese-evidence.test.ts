import { afterEach, describe, expect, test, vi } from "vitest";
import { CHINESE_EVIDENCE } from "../../src/cli/language/chinese-evidence.ts";
import { translator } from "../../src/cli/language/translate.ts";
import { fall, type Diagnosis } from "../../src/verify/diagnose/diagnosis.ts";
import { settingsText } from "../../src/verify/diagnose/golden/config-search.ts";
import { LocalLab } from "../../src/verify/diagnose/golden/local-lab.ts";
import { nearVersions } from "../../src/verify/diagnose/pair/near-versions.ts";
import { fakeLaboratory } from "../support/fake-laboratory.ts";

const say = translator(CHINESE_EVIDENCE);

type Field = Parameters<typeof settingsText>[0]["fields"][number];

/** What the diagnosis says of settings that put the logits right. */
function settings(...fields: readonly Field[]): string {
  const laboratory = fakeLaboratory({ layers: 1, vocabSize: 4, logits: () => [] });
  const text = settingsText({ fields, config: laboratory.config, after: 0 });
  return `${text} ${fall(0.12, 4e-6)}`;
}

const CAP: Field = { field: "attn_logit_softcapping", ours: "null", theirs: "2" };
const SCALING: Field = { field: "rope scaling", ours: "null", theirs: '{"factor":8}' };

describe("settings that put a model right, in Chinese", () => {
  test.each([
    [settings(CAP), "attn_logit_softcapping 为 null；改为 2 之后，差异从 1.2e-1 降到 4.0e-6"],
    [
      `${settings(CAP)} in all 2 layers that depart`,
      "attn_logit_softcapping 为 null；改为 2 之后，差异在偏离的全部 2 层中从 1.2e-1 降到 4.0e-6",
    ],
    [
      `${settings(CAP, SCALING)} in the layer that departs`,
      'attn_logit_softcapping 为 null，RoPE 缩放 为 null；改为 2 与 {"factor":8} 之后，差异在偏离的那一层中从 1.2e-1 降到 4.0e-6',
    ],
    [
      `tie_word_embeddings is true; with the lm_head that the file has ${fall(0.12, 4e-6)}`,
      "tie_word_embeddings 为 true；改为 文件中的 lm_head 之后，差异从 1.2e-1 降到 4.0e-6",
    ],
    [
      settings({ field: "the attention window of layers 0, 2", ours: "none", theirs: "16" }),
      "layers 0, 2 的注意力窗口 为 none；改为 16 之后，差异从 1.2e-1 降到 4.0e-6",
    ],
  ])("%s", (english, chinese) => {
    expect(say(english)).toBe(chinese);
  });
});

/** Of a model whose layers are all a tenth off; `other` is what else is known. */
async function evidence(layers: number, ...other: readonly Diagnosis[]): Promise<string> {
  const lab = new LocalLab(fakeLaboratory({ layers, vocabSize: 4, logits: () => [] }), {
    path: "golden",
    vocabSize: 4,
    prompts: [],
    metadata: new Map(),
  });
  vi.spyOn(lab, "share").mockResolvedValue(0.1);
  const open = Array.from({ length: layers }, (_unused, layer): Diagnosis => {
    const where = `layer ${layer} departs by 1.0e-1 (noise 1.0e-5) on the golden's own states, 10 % of what it adds: already at the first token of a prompt, so that it is not the positions`;
    return {
      cause: "undetermined",
      tensors: [],
      layer,
      evidence: `${where}; no known mistake explains it`,
    };
  });
  const found = await nearVersions(lab, [...open, ...other], layers + other.length, false);
  return say(found.at(-1)?.evidence ?? "");
}

describe("layers that are a little off, in Chinese", () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  const FIRST =
    "在参考值自己的状态上，layer 0 偏离 1.0e-1（噪声 1.0e-5），为其所加的值的 10 %：在提示词的第一个词元就已如此，因此不是位置的问题；没有已知错误能解释";

  test("in every layer, while all else is right", async () => {
    expect(await evidence(2)).toBe(
      `第 0, 1 层所加的值相差 10 至 10 %，每一层都如此，其余都正确；${FIRST}`,
    );
  });

  test("in every layer of many", async () => {
    expect(await evidence(10)).toContain("第 0, 1, 2, 3, 4, 5, 6, 7 等 层所加的值相差 10 至 10 %");
  });

  test("in every layer, beside another mistake", async () => {
    const head: Diagnosis = { cause: "tied", tensors: [], evidence: "tied" };
    expect(await evidence(2, head)).toBe(
      `第 0, 1 层所加的值相差 10 至 10 %，每一层都如此；${FIRST}`,
    );
  });

  test("where the embeddings are another version, too", async () => {
    const table: Diagnosis = { cause: "other-version", tensors: ["t"], evidence: "table" };
    expect(await evidence(2, table)).toBe(
      "第 0, 1 层所加的值相差 10 至 10 %；没有已知错误能解释：是它们的另一个版本",
    );
  });
});

describe("tensors beside those of another checkpoint, in Chinese", () => {
  test.each([
    [
      "stored as [in, out]; transposed, the values are those of the other side",
      "以 [in, out] 保存；转置之后，数值与另一侧相同",
    ],
    ["in bfloat16 both sides are equal", "舍入到 bfloat16 之后两侧相等"],
    [
      "it holds the values of a.weight; both sides in float16",
      "它持有 a.weight 的值；两侧都舍入到 float16",
    ],
    [
      "it holds the values of a.weight; beside the layer that stands in its place",
      "它持有 a.weight 的值；与该位置上实际存放的那一层对照",
    ],
    [
      "all 90 elements that differ are among 90 to 179: rows 3 to 5; their correlation with the other side's is 0.93",
      "不同的 90 个元素都在第 90 到 179 个之间：第 3 到 5 行；与另一侧对应值的相关系数为 0.93",
    ],
    [
      "its values are not the other side's, in no way that is known: none is equal, and their correlation is 0.01",
      "其值不是另一侧的值，也不以任何已知方式由其得来：没有相等的值，相关系数为 0.01",
    ],
    [
      "every value is a whole number from 1 to 255, which is the other side's times one factor for each row, plus 128, and rounded: codes of a quantized tensor without their scales and zero points",
      "每个值都是 1 到 255 的整数，等于另一侧的值乘以每行一个系数，加上128，再取整：是量化张量的编码，缺少其 scale 与零点",
    ],
  ])("%s", (english, chinese) => {
    expect(say(english)).toBe(chinese);
  });
});
