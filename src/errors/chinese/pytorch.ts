import type { PYTORCH_CODES } from "../codes/pytorch.ts";
import type { Wording } from "../code-table.ts";

/** The wording of `PYTORCH_CODES` in Chinese. */
export const CHINESE_PYTORCH_CODES: Readonly<Partial<Record<keyof typeof PYTORCH_CODES, Wording>>> =
  {
    WB3301: {
      title: "不是 torch.save 写出的文件",
      meaning: "容器没有问题，但缺少 torch.save 总会写出的记录，或其种类不对。",
      remedy: "确认这是权重文件；`weighbridge scan FILE` 说明其中有什么。",
    },
    WB3302: {
      title: "张量的描述格式错误",
      meaning: "张量重建函数的参数不是 torch.save 的写法。",
      remedy: "重新下载文件；两次都失败的文件已损坏，或是手工写成的。",
    },
    WB3303: {
      title: "张量越出其存储",
      meaning: "偏移、形状与步长指向存储末尾之后的元素：读取它们会得到别的字节。",
      remedy: "重新下载文件；两次都失败的文件已损坏，或是手工写成的。",
    },
    WB3304: {
      title: "存储缺失，或大小与张量所说的不同",
      meaning: "文件中没有某个存储的记录，或其长度与声明的元素数不符。",
      remedy: "重新下载或复制文件，并与原文件比较大小。",
    },
    WB3305: {
      title: "两个张量同名",
      meaning: "同一条键路径出现两次，因此名字说明不了指的是哪个张量。",
      remedy: "用不同的键重新保存 state dict。",
    },
    WB3306: {
      title: "文件中没有张量",
      meaning: "文件已读到末尾，其中没有张量。",
      remedy: "确认这是权重文件，而不是优化器、调度器或分词器的文件。",
    },
    WB3310: {
      title: "一个文件中有几份状态都可能是模型",
      meaning: "训练程序保存了不止一份权重，文件里没有说明要哪一份。",
      remedy: "用 --select 路径 选择一份，或用 --select .（一个点）把文件原样取用。",
    },
    WB4301: {
      title: "不支持的张量种类",
      meaning:
        "量化、稀疏、嵌套与 meta 张量不只是普通的元素，其中有些种类 torch 自己也不能转成普通张量。",
      remedy:
        "--dense 取稀疏与量化张量所代表的数值；--data-only 只取文件中的其他张量，并列出这些为略去的，--drop 名字 略去其中一个。也可在保存前转成普通张量：tensor.dequantize()、.to_dense()、.contiguous()。",
    },
    WB4302: {
      title: "TorchScript 归档，或整个被 pickle 的模块",
      meaning: "文件里是程序，不是 state dict。",
      remedy: "只保存权重：torch.save(model.state_dict(), FILE)。",
    },
    WB4303: {
      title: "没有对应的 dtype",
      meaning: "张量的 dtype 在 safetensors 中没有名字，weighbridge 无法搬运它。",
      remedy: "保存前转换张量的 dtype。",
    },
    WB5301: {
      title: "归档中有不止一个 data.pkl",
      meaning: "各个读取器取用的不是同一个，恶意载荷就这样躲过扫描。",
      remedy: "不要加载这个文件。",
    },
  };
