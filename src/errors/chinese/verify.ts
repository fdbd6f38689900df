import type { VERIFY_CODES } from "../codes/verify.ts";
import type { Wording } from "../code-table.ts";

/** The wording of `VERIFY_CODES` in Chinese. */
export const CHINESE_VERIFY_CODES: Readonly<Partial<Record<keyof typeof VERIFY_CODES, Wording>>> = {
  WB2911: {
    title: "没有可对照的对象",
    meaning: "verify 与另一个检查点、参考值文件（golden），或同一文件夹中的另一份权重比较。",
    remedy: "给出第二个模型，给出 --golden FILE，或把第二份权重放进文件夹。",
  },
  WB2912: {
    title: "没有任何内容按该重要性矩阵判断",
    meaning:
      "`verify --imatrix` 以量化的 GGUF 文件由之得来的模型判断其块：需要第二个模型，且两者之一要有量化张量。",
    remedy: "写作 `weighbridge verify FILE.gguf ORIGINAL --imatrix MATRIX`，或去掉 --imatrix。",
  },
  WB3911: {
    title: "参考值文件已损坏",
    meaning:
      "golden 对 n = 0、1……含有 prompt.<n>.input_ids（I32）与 prompt.<n>.logits（F32），形状相符。",
    remedy:
      "重新记录：`weighbridge golden record`，或使用 `weighbridge golden script` 给出的脚本。",
  },
  WB3912: {
    title: "参考值文件属于另一个模型",
    meaning: "其词表、隐藏维度、词元编号或权重摘要与这个模型不同：它已过时。",
    remedy: "为这份权重记录参考值，或给出为它们制作的参考值。",
  },
  WB4911: {
    title: "参考值无法判断这个量化模型",
    meaning:
      "舍入到块所引起的 logits 变化可以与错误引起的一样大。参考值若不是由文件自身的数值得来，就无法区分两者；另一个分词器或不同的层数仍会指出。",
    remedy:
      "给出制作它的权重：`weighbridge verify FILE ORIGINAL` 或 `weighbridge prove FILE ORIGINAL`，或者给出由文件本身得来的参考值。",
  },
  WB3913: {
    title: "没有可对照的摘要",
    meaning:
      "`check --digests` 把权重与转换写在旁边的 weighbridge.manifest.json、与存档各记录的 CRC-32、与模型库发布文件时的 SHA-256 比较。这里一个也没有。",
    remedy: "用 weighbridge 转换权重，或不带 --digests 检查。",
  },
  WB3914: {
    title: "张量与清单不符",
    meaning:
      "其字节、dtype 或形状不是写出时的样子，或只有权重与清单之一含有它：文件夹在转换之后被改动或损坏。",
    remedy: "重新转换，或从正确的地方重新复制文件夹。",
  },
  WB3915: {
    title: "没有可以证明的结论",
    meaning: "`attest` 取用 `verify --json` 输出的文档，其中要有每个参与文件的摘要。",
    remedy: "对本机的文件运行 `weighbridge verify … --json > verify.json`，再证明它。",
  },
  WB3916: {
    title: "文件已不是验证时的那个",
    meaning: "其 SHA-256 与结论中的不同：验证之后被改动过。",
    remedy: "重新验证，再证明新的结论。",
  },
};
