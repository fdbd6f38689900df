import type { TOKENIZER_CODES } from "../codes/tokenizer.ts";
import type { Wording } from "../code-table.ts";

/** The wording of `TOKENIZER_CODES` in Chinese. */
export const CHINESE_TOKENIZER_CODES: Readonly<
  Partial<Record<keyof typeof TOKENIZER_CODES, Wording>>
> = {
  WB2801: {
    title: "生成设置的值不被接受",
    meaning: "某个采样参数、长度或停止条件，超出 transformers 为它规定的范围。",
    remedy: "阅读消息中可接受的范围；`weighbridge generate --help` 列出这些设置。",
  },
  WB2802: {
    title: "对话模板容不下的对话",
    meaning: "角色顺序不对，或模板没有系统消息。",
    remedy: "使用 [system]、user、assistant、user……的顺序；或用 --template 另选模板。",
  },
  WB2803: {
    title: "不知道这个模型的对话模板",
    meaning:
      "其分词器的文件没有 chat_template，config.json 也没有说明它用哪个内置模板训练；或者所要求的模板不是其中之一。",
    remedy: "用 --template 选择；消息列出了可选的模板。基础模型没有对话模板。",
  },
  WB3801: {
    title: "模型没有分词器",
    meaning:
      "给出或要求了文本，但模型文件夹中没有可以读出分词器的文件；消息说明找过哪些文件，以及有哪些文件。",
    remedy: "把模型发布时的分词器文件放进文件夹，或使用 --input-ids。",
  },
  WB3802: {
    title: "分词器文件已损坏",
    meaning:
      "tokenizer.model 不是 SentencePiece 模型，或 tokenizer.json 不是 tokenizers 写出的，或文件被截断或损坏。",
    remedy: "重新下载文件，并与原文件比较大小。",
  },
  WB3803: {
    title: "分词器的配置文件已损坏",
    meaning:
      "tokenizer_config.json、special_tokens_map.json 或 added_tokens.json 不是 transformers 写出的。",
    remedy: "重新下载文件，或删除它：只有分词器本身的文件就够了。",
  },
  WB3804: {
    title: "词表之外的词元编号",
    meaning: "某个编号为负、不是整数，或不小于词表大小。",
    remedy: "检查这些编号是否由这个模型的分词器得到。",
  },
  WB3805: {
    title: "对话模板已损坏",
    meaning: "tokenizer_config.json 的 chat_template 不是合法的 Jinja。",
    remedy: "修正它，或用 --template 选择内置模板。",
  },
  WB4802: {
    title: "含有不支持内容的对话模板",
    meaning:
      "模板使用了 weighbridge 没有的 Jinja 过滤器、方法或标签，或打印了没有自身文本的东西。略去它会得到另一个提示词，因此拒绝。",
    remedy: "用 --template 另选模板；消息说明缺少什么。",
  },
  WB5801: {
    title: "不会结束的对话模板",
    meaning: "渲染所用的步骤、文本、嵌套或时间超过任何真实模板所需：无限循环，或有意耗尽机器。",
    remedy: "不要使用这个模板；用 --template 另选。",
  },
  WB4801: {
    title: "不支持的分词器种类",
    meaning:
      "SentencePiece 模型既不是 BPE 也不是 unigram，或 tokenizer.model 是 tiktoken 的，或 tokenizer.json 有 weighbridge 不能完全照做的步骤或模式。否则得到的编号会与训练时不同，因此拒绝。",
    remedy: "使用模型的另一个分词器文件，或使用 --input-ids。",
  },
};
