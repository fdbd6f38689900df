import type { RUNTIME_CODES } from "../codes/runtime.ts";
import type { Wording } from "../code-table.ts";

/** The wording of `RUNTIME_CODES` in Chinese. */
export const CHINESE_RUNTIME_CODES: Readonly<Partial<Record<keyof typeof RUNTIME_CODES, Wording>>> =
  {
    WB2806: {
      title: "文本的词元数超过模型的位置数",
      meaning:
        "模型为每个位置学习了一个嵌入（GPT-2、OPT），最后一个位置之后的词元没有嵌入可用。新生成的词元与提示词一起计数。",
      remedy: "给出更短的提示词，或用 --max-new-tokens 减少生成的词元。",
    },
    WB3780: {
      title: "模型需要的权重缺失，或形状不同",
      meaning: "config.json 所描述的模型，其权重的名字或形状与检查点中的不同。",
      remedy: "`weighbridge check 模型` 列出所有缺失与多余的名字和形状。",
    },
    WB4780: {
      title: "运行时无法计算的权重 dtype",
      meaning:
        "只有 F16、BF16、F32 与 F64 的权重在前向计算中有明确含义；8 位格式需要文件中没有的比例。",
      remedy: "先把权重转换为 F16、BF16 或 F32。",
    },
    WB6201: {
      title: "指定的设备不存在",
      meaning:
        "--device 指定的后端没有安装，或 TensorFlow 看不到 GPU。weighbridge 从不悄悄改用别的设备。",
      remedy: "`weighbridge doctor` 列出现有设备，以及如何得到其他设备；或使用 --device auto。",
    },
    WB6202: {
      title: "后端失败",
      meaning: "设备上的某个运算没有完成，因此没有结果。",
      remedy: "试用 --device wasm；如果它能工作，请报告这条消息。",
    },
    WB6203: {
      title: "设备无法用这种 dtype 计算",
      meaning: "WebAssembly 后端只有 float32；半精度需要原生 TensorFlow。",
      remedy: "去掉 --compute，或运行 `weighbridge native install` 后使用 --device cpu 或 cuda。",
    },
    WB6204: {
      title: "没有可以用 int8 激活值加速的东西",
      meaning:
        "只有对 GGUF 的量化块矩阵，激活值才会舍入为 int8：CPU 的内核以 float32 计算时按存储的形式直接与它们相乘。在其他情况下该选项没有作用。",
      remedy:
        "去掉 --activations；或运行 `weighbridge native install`，并对量化的 GGUF 文件使用 --device cpu，不带 --compute。",
    },
  };
