import type { CONVERT_CODES } from "../codes/convert.ts";
import type { Wording } from "../code-table.ts";

/** The wording of `CONVERT_CODES` in Chinese. */
export const CHINESE_CONVERT_CODES: Readonly<Partial<Record<keyof typeof CONVERT_CODES, Wording>>> =
  {
    WB2901: {
      title: "目标已经存在",
      meaning: "目标文件夹里已有模型或其他文件，转换会替换它们。",
      remedy: "另选文件夹，或用 --force 替换。",
    },
    WB2902: {
      title: "目标就是源",
      meaning: "转换会写到它所读取的文件夹之上或之内。weighbridge 从不写入源。",
      remedy: "另选目标文件夹。",
    },
    WB2903: {
      title: "没有可以继续的转换",
      meaning: "给出了 --resume，但目标中没有被中断的转换，或那次转换用的是别的源、别的选项。",
      remedy: "去掉 --resume，或给出与之前相同的源和选项。",
    },
    WB2904: {
      title: "到这个目标的另一次转换正在运行，或曾被中断",
      meaning: "两次转换写到同一目标会把文件混在一起；第二次被拒绝。",
      remedy: "等另一次完成；若它已中断，用 --resume 继续，或用 --force 重新开始。",
    },
    WB1901: {
      title: "写出的文件与要写的内容不同",
      meaning: "从文件读回时，某个张量的字节与写入的不同：磁盘或内存有故障。",
      remedy: "检查磁盘与内存，然后重新转换。目标没有放置。",
    },
    WB1902: {
      title: "写出的文件无法再次打开",
      meaning:
        "每个文件在得到正式名字之前，都由 weighbridge 自己的严格读取器打开一次。这个文件被拒绝，或其中的张量与计划不同。",
      remedy: "这是 weighbridge 的错误：请附上消息报告。目标没有放置。",
    },
    WB2905: {
      title: "计划属于别的源或别的选项",
      meaning:
        "一个部分只能由制作计划时的同一批文件、同样的选项、同一版本的 weighbridge 写出；否则合起来就不是任何一个模型。",
      remedy:
        "给出原来的源与选项，或重新制作计划（`convert SRC DST --plan FILE --force`）并重新开始各部分。",
    },
    WB3901: {
      title: "损坏的分部计划",
      meaning: "--plan 所指的文件不是计划，或在 weighbridge 写出之后被改动：它与自己的摘要不符。",
      remedy: "重新制作：`convert SRC DST --plan FILE --force`。",
    },
    WB3902: {
      title: "转换缺少一些部分",
      meaning: "--finish 发现计划中有些文件还没有任何部分写出，或之后被损坏。没有放置任何结果。",
      remedy: "运行消息所说的部分，然后再次 --finish。",
    },
    WB4901: {
      title: "目标格式无法保存的 dtype",
      meaning: "safetensors 没有 complex128，PyTorch 与 Paddle 的文件缺少某些 8 位浮点数。",
      remedy: "用 --to 另选目标格式，或在转换前把张量拆成可以保存的部分。",
    },
    WB4903: {
      title: "目标格式无法保存的名字或形状",
      meaning:
        "张量的名字在目标格式中另有含义或不是合法的 Unicode 文本，或维数多于该格式的库能读取的数目。这样的文件打不开。",
      remedy: "保存之前改名或改形状，或写成另一种格式（--to）。",
    },
    WB4904: {
      title: "由少数字节展开成的大张量",
      meaning:
        "步长为 0，或稀疏张量的零，使很小的存储代表很大的张量。完整写出将超过现有字节的 16 倍。",
      remedy: "如果确实如此，给出 --allow-expansion；否则不要把这个张量放进检查点。",
    },
    WB4902: {
      title: "不支持的计划版本",
      meaning: "计划的 schemaVersion 是这个版本的 weighbridge 不认识的。",
      remedy: "所有机器都使用写出计划的那个 weighbridge 版本。",
    },
    WB5901: {
      title: "计划越出了自己的文件夹",
      meaning: "计划中有绝对路径或向上一级的文件名：它不是 weighbridge 写的。",
      remedy: "不要信任这个计划；重新制作：`convert SRC DST --plan FILE --force`。",
    },
  };
