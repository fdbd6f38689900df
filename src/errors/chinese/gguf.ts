import type { GGUF_CODES } from "../codes/gguf.ts";
import type { Wording } from "../code-table.ts";

/** The wording of `GGUF_CODES` in Chinese. */
export const CHINESE_GGUF_CODES: Readonly<Partial<Record<keyof typeof GGUF_CODES, Wording>>> = {
  WB3511: {
    title: "损坏的 GGUF 头部",
    meaning:
      "文件在头部之内结束，或头部有任何 GGUF 文件都不会有的类型、数量或文本：文件被截断或损坏。",
    remedy: "重新下载或复制文件，并与原文件比较大小。",
  },
  WB3512: {
    title: "GGUF 张量不在应在的位置",
    meaning:
      "张量必须按头部的顺序依次排列、逐个对齐，并在文件之内结束。否则就是截断、损坏，或文件中藏有别的内容。",
    remedy: "重新下载或复制文件；若仍然如此，由其来源重新写出。",
  },
  WB3513: {
    title: "损坏的重要性矩阵",
    meaning:
      "文件不是 llama-imatrix 两种形式之一的重要性矩阵，或其长度、名称、计数或总和不是它会写出的：平方和是有限数，且不小于 0。",
    remedy: "取用 llama-quantize 以 --imatrix 使用的那个文件，并重新复制。",
  },
  WB4511: {
    title: "不读取的 GGUF 版本或量化类型",
    meaning:
      "能读取版本 2 与 3；量化类型能读取 Q4_0、Q4_1、Q5_0、Q5_1、Q8_0、Q2_K 至 Q6_K、IQ4_NL、IQ4_XS 与 MXFP4，小端。",
    remedy: "用能读取的类型，由原来的权重重新写出文件。",
  },
  WB4512: {
    title: "GGUF 文件无法表达的模型",
    meaning:
      "llama.cpp 没有这个架构的名字，或没有存放该模型某项设置的位置；缺了它，计算的就是别的东西。",
    remedy: "转换为 safetensors，或使用没有消息所说设置的模型。",
  },
  WB4513: {
    title: "量化类型无法表达的数",
    meaning: "某个块中有非有限的数，或数大到其比例超出 binary16 的范围。",
    remedy: "用 `inspect` 与 `diff` 查看该张量；用 --quantize F32 或 BF16 写出。",
  },
  WB5511: {
    title: "超出一切界限的 GGUF 数量",
    meaning: "键、张量或元素的数量，或文本的长度，大于任何真实文件。没有为它分配内存。",
    remedy: "不要使用这个文件；向发布者索取另一份。",
  },
};
