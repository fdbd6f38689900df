export const LANGUAGES = ["en", "zh"] as const;
export type Language = (typeof LANGUAGES)[number];

/** What the table says, in both languages. */
export interface TableWords {
  readonly title: string;
  readonly dataSet: string;
  readonly page: string;
  readonly notRun: string;
  readonly none: string;
  /** Tasks of a group that were asked. */
  readonly some: (asked: number, all: number) => string;
  readonly notes: readonly string[];
}

export const WORDS: Readonly<Record<Language, TableWords>> = {
  en: {
    title: "Scores, per cent",
    dataSet: "data set",
    page: "page",
    notRun: "not run",
    none: "–",
    some: (asked, all) => `${asked} of ${all} tasks`,
    notes: [
      "In brackets: the items that were asked, and of a group with some of its tasks, how many. Such a score is that of these items alone.",
      "page: InternLM's model page of July 2023, computed by OpenCompass in float16 on all rows; a reference, not computed here. The chat model was replaced in December 2023, and its later card lists other figures.",
    ],
  },
  zh: {
    title: "得分（%）",
    dataSet: "数据集",
    page: "模型页",
    notRun: "未运行",
    none: "—",
    some: (asked, all) => `${all} 个任务中的 ${asked} 个`,
    notes: [
      "括号内为所问的题数；若一组任务只问了一部分，还注明问了几个。这样的得分只是这些题目的得分。",
      "“模型页”为 InternLM 2023 年 7 月的模型页，由 OpenCompass 以 float16 在全部题目上算得；仅作参考，并非在此计算。对话模型已于 2023 年 12 月更换，其后的模型卡所列数字不同。",
    ],
  },
};
