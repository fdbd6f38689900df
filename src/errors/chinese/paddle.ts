import type { PADDLE_CODES } from "../codes/paddle.ts";
import type { Wording } from "../code-table.ts";

/** The wording of `PADDLE_CODES` in Chinese. */
export const CHINESE_PADDLE_CODES: Readonly<Partial<Record<keyof typeof PADDLE_CODES, Wording>>> = {
  WB3401: {
    title: "不是 paddle.save 写出的文件",
    meaning: "文件是 pickle，但其中没有数组，或不是数组的字典。",
    remedy: "确认这是权重文件；`weighbridge scan FILE` 说明其中有什么。",
  },
  WB3402: {
    title: "数组的描述格式错误",
    meaning: "numpy 数组的形状、dtype 或数据不是 numpy 的写法。",
    remedy: "重新下载文件；两次都失败的文件已损坏，或是手工写成的。",
  },
  WB3403: {
    title: "数组数据的大小与形状、dtype 不符",
    meaning: "数组的字节数比其声明的元素所需的更少或更多。",
    remedy: "重新下载或复制文件，并与原文件比较大小。",
  },
  WB3404: {
    title: "大参数的切片对不上",
    meaning: "UnpackBigParamInfor@@ 所列的切片有缺失，或 dtype 不同，或总大小不同。",
    remedy: "重新下载文件；两次都失败的文件已损坏，或是手工写成的。",
  },
  WB4401: {
    title: "不支持的数组 dtype",
    meaning: "对象、文本、日期与结构化数组不是张量。",
    remedy: "只保存数值数组。",
  },
  WB3405: {
    title: "Paddle 二进制格式的张量已损坏",
    meaning:
      "inference.pdiparams 之类的文件依次保存张量，每个都有类型与形状。这里有一个被截断，或后面跟着别的内容。",
    remedy: "重新下载或复制文件，并与原文件比较大小。",
  },
  WB3406: {
    title: "Paddle 二进制格式的张量没有名字",
    meaning:
      ".pdiparams 中没有名字：名字在它旁边的程序里，即 X.json（Paddle 3）或 X.pdmodel。程序缺失、不是程序，或属于别的张量。",
    remedy: "把同一次导出的程序复制到文件旁边；`--select .` 以位置为张量命名。",
  },
};
