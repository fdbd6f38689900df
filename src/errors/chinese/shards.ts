import type { SHARD_CODES } from "../codes/shards.ts";
import type { Wording } from "../code-table.ts";

/** The wording of `SHARD_CODES` in Chinese. */
export const CHINESE_SHARD_CODES: Readonly<Partial<Record<keyof typeof SHARD_CODES, Wording>>> = {
  WB3601: {
    title: "损坏的索引",
    meaning:
      "分片旁的 *.index.json 不是 JSON，同一个名字出现两次，或没有从张量名到文件的 weight_map。",
    remedy: "重新下载索引，或重新写出分片。",
  },
  WB3602: {
    title: "缺少分片",
    meaning: "索引所列的文件不在旁边；或者在没有索引时，按分片或并行部分命名的文件中缺少某个编号。",
    remedy: "把缺少的文件下载或复制到文件夹中。",
  },
  WB3603: {
    title: "索引与分片不一致",
    meaning:
      "分片缺少索引所承诺的张量，或含有索引没有列出、放在别处的张量。文件来自模型的不同版本，或不完整。",
    remedy: "`weighbridge check` 列出所有差异；从同一处取得所有文件。",
  },
  WB3604: {
    title: "两个文件含有同一个张量",
    meaning: "一个检查点的各部分不能把同一个张量说两次：不知道以哪个为准。",
    remedy: "删除不属于它的文件，或给出一个文件而不是文件夹。",
  },
  WB3605: {
    title: "一个检查点的文件格式不同",
    meaning: "一个检查点的所有分片或并行部分，由同一个程序以同一种格式写出。",
    remedy: "把各个检查点分到各自的文件夹。",
  },
  WB3606: {
    title: "索引中的总大小不同",
    meaning:
      "索引的 total_size 不等于各分片中所有张量的字节数：某个分片来自另一版本，或索引是为别的 dtype 制作的。",
    remedy: "从同一处取得索引与所有分片；权重仍然可以转换。",
  },
  WB3607: {
    title: "拼不起来的分布式检查点",
    meaning:
      "表（.metadata）所列的块不在 .distcp 文件中，或没有填满其张量，或它不是 torch.distributed.checkpoint 写出的：某个 rank 的文件缺失，或来自另一次运行。",
    remedy: "重新复制整个文件夹，包括所有 rank 的文件。",
  },
  WB5601: {
    title: "越出文件夹的索引",
    meaning: "索引中有绝对路径或向上一级的文件名。打开它可能读到本不该读的文件。",
    remedy: "不要信任这个索引；分片的名字应是普通文件名。",
  },
  WB5602: {
    title: "过大的索引",
    meaning: "索引长于 100,000,000 字节，或含有数百万个值。",
    remedy: "不要信任这个文件；7B 模型的索引大约只有 40 KiB。",
  },
  WB3608: {
    title: "拼不起来的 DeepSpeed 检查点",
    meaning:
      "ZeRO 把 float32 权重分散在各 rank 的文件中，模型状态说明各部分拼成什么。某个 rank 的文件缺失或来自另一次运行，或各部分的长度与参数的形状不符。",
    remedy: "重新复制整个文件夹，包括所有 rank 的文件。",
  },
};
