import type { SAFETENSORS_CODES } from "../codes/safetensors.ts";
import type { Wording } from "../code-table.ts";

/** The wording of `SAFETENSORS_CODES` in Chinese. */
export const CHINESE_SAFETENSORS_CODES: Readonly<
  Partial<Record<keyof typeof SAFETENSORS_CODES, Wording>>
> = {
  WB3501: {
    title: "没有头部的 safetensors 文件",
    meaning:
      "文件短于存放头部长度的 8 个字节，或头部越过文件末尾：文件被截断，或不是 safetensors 文件。",
    remedy: "重新下载或复制文件，并与原文件比较大小。",
  },
  WB3502: {
    title: "safetensors 头部不是严格的 JSON",
    meaning:
      "头部已损坏、不是 UTF-8，或同一个名字出现两次。宽松的解析器会放过这样的头部，于是两个程序读出两个不同的文件。",
    remedy: "用当前的 safetensors 库重新写出文件。",
  },
  WB3503: {
    title: "safetensors 头部中有损坏的条目",
    meaning: "某个张量的 dtype、shape 或 data_offsets 缺失，或类型不对。",
    remedy: "用当前的 safetensors 库重新写出文件。",
  },
  WB3504: {
    title: "safetensors 数据有空隙、重叠或多余的字节",
    meaning:
      "各张量的字节范围必须依次恰好填满文件的数据区。否则就是截断、损坏，或文件中藏有别的内容。",
    remedy: "重新下载或复制文件；若仍然如此，由其来源重新写出。",
  },
  WB3505: {
    title: "safetensors 张量的大小与形状不符",
    meaning: "张量的字节范围比其形状与 dtype 所需的更长或更短。",
    remedy: "重新下载或复制文件；若仍然如此，由其来源重新写出。",
  },
  WB4501: {
    title: "未知的 safetensors dtype",
    meaning: "头部中的 dtype，在写这个版本的 weighbridge 时该格式还没有。",
    remedy: "更新 weighbridge，或用另一种 dtype 保存张量。",
  },
  WB5501: {
    title: "过大的 safetensors 头部",
    meaning:
      "头部长于 100,000,000 字节，或含有数百万个值。没有检查点需要这么多，读取它可能耗尽内存。",
    remedy: "不要信任这个文件；7B 模型的头部大约只有 40 KiB。",
  },
};
