import type { EVALUATE_CODES } from "../codes/evaluate.ts";
import type { Wording } from "../code-table.ts";

/** The wording of `EVALUATE_CODES` in Chinese. */
export const CHINESE_EVALUATE_CODES: Readonly<
  Partial<Record<keyof typeof EVALUATE_CODES, Wording>>
> = {
  WB2921: {
    title: "任务文件写了任务不能有的内容",
    meaning:
      "文件中某个字段缺失、拼写错误或类型不对。此时什么也不会问，因为只读了一部分的任务给出的分数属于别的东西。",
    remedy: "阅读消息中的字段及其可取的值；docs/guides/eval.md 列出了它们。",
  },
  WB2922: {
    title: "没有这个名字的任务",
    meaning: "这个名字既不是 weighbridge 自带的任务或任务组，也不是以 .json 结尾的文件。",
    remedy: "从消息所列的名字中选择，或给出任务文件的路径。",
  },
  WB2923: {
    title: "文本与答案放不进模型的上下文",
    meaning: "要求的长度超出上下文，或要求的答案长度没有给提示词留下位置。",
    remedy: "给出更小的 --max-seq-len 或 --max-new-tokens。",
  },
  WB2924: {
    title: "不能这样提问的任务",
    meaning:
      "对话模型要看到每一轮两侧的标记，没有它们，分数就属于另一个模型；或者任务文件没有这种变体。",
    remedy: "给出 --turns，或另选 --variant。",
  },
  WB2925: {
    title: "没有可比较的答案，或有两份",
    meaning: "改变的答案要么与同一次运行中另一个模型的答案比较，要么与之前运行写下的条目比较。",
    remedy: "给出第二个模型，或给出 --golden FILE。",
  },
  WB3921: {
    title: "缺少任务的文件",
    meaning: "数据行从数据文件夹下 OpenCompass 存放的位置读取；不会擅自下载。",
    remedy: "把数据集放到那里，检查 --data，或去掉这个任务。",
  },
  WB3922: {
    title: "数据文件与任务所说的不符",
    meaning: "它不是 UTF-8、格式不同，或行数太少。",
    remedy: "把前几行与任务的列比较；docs/guides/eval.md 说明了布局。",
  },
  WB3923: {
    title: "任务中有无法提问的行",
    meaning:
      "列缺失或过多，正确答案不在标签之中，或某段文本没有词元。只对其余的行计分，就成了另一个数据集的分数。",
    remedy: "修正消息指出的行，或用 --skip-bad 跳过。",
  },
  WB3925: {
    title: "结果与问题对不上",
    meaning:
      "--golden 所指的文件不是 --details 写出的，或缺少问过的行，或对某行有不同的正确答案：它来自别的数据。",
    remedy: "用相同的 --data、--tasks、--limit 与 --seed 重新记录。",
  },
  WB3926: {
    title: "被中断的运行问的是别的内容",
    meaning:
      "--resume 在明细文件旁发现的条目，来自别的权重、选项或设备。两者混在一个文件里，就不是任何一方的分数。",
    remedy: "再次给出相同的选项，或去掉 --resume 重新开始。",
  },
  WB3924: {
    title: "分数不是数字",
    meaning: "模型的 logits 中有 NaN：权重已损坏，或在计算所用的 dtype 中溢出。",
    remedy: "试用 --compute f32；`weighbridge verify` 指出哪些张量已损坏。",
  },
};
