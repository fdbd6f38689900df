import type { Catalogue } from "./translate.ts";

/** Sentences of the diagnosis, and lines of `match` and `prove`, in Chinese. */
export const CHINESE_EVIDENCE: Catalogue = [
  ["on the other side: {}", "在另一侧：{1*}"],
  ["on the other side ({}): {}", "在另一侧（{1}）：{2*}"],
  ["{} elements are NaN or infinite, in {} rows: {}", "{2} 行中有 {1} 个元素是 NaN 或无穷大：{3}"],
  ["{} elements are NaN or infinite", "有 {} 个元素是 NaN 或无穷大"],
  [
    "every value is a whole number up to {}: codes of a quantized tensor without their scales",
    "每个值都是不超过 {} 的整数：是量化张量的编码，缺少其 scale",
  ],
  [
    "every value is one of {}, which the dtype is finer than: it was rounded through it",
    "每个值都属于 {}，而 dtype 比它更精细：经过它舍入",
  ],
  ["every element is {}, as before anything was loaded", "每个元素都是 {}，如同尚未加载任何内容"],
  ["the last {} elements are 0", "最后 {} 个元素是 0"],
  [
    "elements {} to {} are 0, which no other stretch of it is",
    "第 {} 到 {} 个元素是 0，其余部分没有这样的区段",
  ],
  [
    "elements far beyond all others, as a flipped bit makes them: {}",
    "有元素远超其余所有元素，如同位翻转所致：{}",
  ],
  [
    "its values are as independent normal draws of size {} are, alike in all rows and columns, which those of {} are not: as before anything was loaded",
    "其值如同大小为 {} 的独立正态随机数，各行各列一致，而 {} 的值并非如此：如同尚未加载任何内容",
  ],
  [
    "with the network behind it taken back, what attention adds departs along {} of {} directions at {} tokens, none of which is a channel or a column of o_proj: a change of low rank in o_proj or v_proj, as an adapter makes that was left in, left out or scaled otherwise",
    "除去其后的前馈网络，注意力所加的值在 {3} 个词元上沿 {2} 个方向中的 {1} 个偏离，其中没有 o_proj 的通道或列：o_proj 或 v_proj 有低秩改动，如同适配器被留下、漏掉或缩放不同",
  ],
  [
    "a change of v_proj of rank {} at most, as an adapter makes that was left in, left out or scaled otherwise, explains what attention departs by at {} of {} tokens, from which it was solved: there put right, the difference falls from {} to {}",
    "v_proj 的一个秩至多为 {1} 的改动解释了注意力在 {3} 个词元中 {2} 个上的偏离，并由这些词元解出，如同适配器被留下、漏掉或缩放不同：在这些词元上改正之后，差异从 {4} 降到 {5}",
  ],
  [
    "rows of zeros: {}, of tokens that the golden's prompts have",
    "全零的行：{}，参考值的提示词中有这些词元",
  ],
  ["rows of zeros: {}", "全零的行：{}"],
  [
    "the logits of every prompt are right before tokens {}, and first wrong at them: {}",
    "每个提示词的 logits 在词元 {1} 之前都正确，从这些词元开始出错：{2*}",
  ],
  [
    "but for those of tokens {}, the logits of every prompt are right before tokens {}, and first wrong at them: {}",
    "除词元 {1} 的 logits 之外，每个提示词的 logits 在词元 {2} 之前都正确，从这些词元开始出错：{3*}",
  ],
  [
    "of every prompt, the logits of tokens {} alone are wrong, and the head is the embeddings: {}",
    "每个提示词都只有词元 {1} 的 logits 是错的，而输出层就是嵌入：{2*}",
  ],
  [
    "rows {} and {} of the embeddings stand in each other's place",
    "嵌入的第 {1} 行与第 {2} 行互换了位置",
  ],
  ["those rows of the embeddings are not the reference's", "嵌入的这些行不是参考模型的"],
  [
    "those rows of the embeddings are not the reference's; rows of zeros: {}",
    "嵌入的这些行不是参考模型的；全零的行：{}",
  ],
  ["heads in the order {}", "头的次序为 {}"],
  [
    "each norm of states is stored one place late, under the next one's name",
    "状态的每个 norm 都晚一位，存放在下一个的名下",
  ],
  ["the two halves of each head stand in each other's place", "每个头的两半互换了位置"],
  [
    "{} is the right one by a factor of its own, from {} to {}; put right, the difference falls from {} to {}",
    "{1*}是正确的值乘以其自己的系数，系数从 {2} 到 {3}；改正之后，差异从 {4} 降到 {5}",
  ],
  ["each row", "每一行"],
  ["each channel", "每个通道"],
  [
    "exactly the {} of {} tokens that take expert {} depart, so that it is this expert",
    "偏离的恰是 {2} 个词元中取用第 {3} 个专家的 {1} 个，因此是这个专家",
  ],
  [
    "logits depart by {} (noise {}){}; no known mistake in one place explains it{}. A golden with hidden states tells the layer",
    "logits 偏离 {1}（噪声 {2}）{3*}；没有一处的已知错误能解释{4*}。含隐藏状态的参考值能指出是哪一层",
  ],
  [
    ", already at the first token of a prompt, so that it is not the positions alone",
    "，在提示词的第一个词元就已如此，因此不只是位置的问题",
  ],
  [
    ", while the first token of every prompt is right: the rotary table, queries, keys or embeddings of other tokens",
    "，而每个提示词的第一个词元都正确：是旋转位置表、query、key 或其他词元的嵌入",
  ],
  [", as far as the search went", "（搜索所及）"],
  [
    "{} is {}; with {} put right, the difference falls from {} to {}",
    "{1*} 为 {2}；改为 {3*} 之后，差异从 {4} 降到 {5}",
  ],
  [
    "{} is {}; with {} put right, the difference falls from {} to {} in {}",
    "{1*} 为 {2}；改为 {3*} 之后，差异在{6*}中从 {4} 降到 {5}",
  ],
  [
    "{} is {} and {} is {}; with {} and {} put right, the difference falls from {} to {}",
    "{1*} 为 {2}，{3*} 为 {4}；改为 {5} 与 {6} 之后，差异从 {7} 降到 {8}",
  ],
  [
    "{} is {} and {} is {}; with {} and {} put right, the difference falls from {} to {} in {}",
    "{1*} 为 {2}，{3*} 为 {4}；改为 {5} 与 {6} 之后，差异在{9*}中从 {7} 降到 {8}",
  ],
  ["the lm_head that the file has", "文件中的 lm_head"],
  ["the layer that departs", "偏离的那一层"],
  ["all {} layers that depart", "偏离的全部 {} 层"],
  ["the activation", "激活函数"],
  ["rope scaling", "RoPE 缩放"],
  ["rotated dimensions", "旋转的维数"],
  ["the attention window of {}", "{} 的注意力窗口"],
  ["every place holds the layer {} further, round the end", "每一位存放的是其后第 {} 层，首尾相接"],
  ["every place holds the layer {} earlier, round the end", "每一位存放的是其前第 {} 层，首尾相接"],
  ["the layers are sorted as text", "各层按文本排序"],
  ["the layers stand in reverse", "各层次序相反"],
  ["layers {} and {} stored in each other's place", "第 {} 层与第 {} 层互换了位置"],
  [
    "attention of layers {} and {} stored in each other's place",
    "第 {} 层与第 {} 层的注意力互换了位置",
  ],
  ["MLP of layers {} and {} stored in each other's place", "第 {} 层与第 {} 层的 MLP 互换了位置"],
  [
    "the experts of layer {} and the rows of their router stand in different orders: expert i belongs to row {}; put right, the difference falls from {} to {}",
    "第 {} 层的专家与其路由器的行次序不同：第 i 个专家属于第 {} 行；改正之后，差异从 {} 降到 {}",
  ],
  [
    "what layers {} add is {} to {} % off, and what the other layers add is right; no known mistake explains it{}: another version of them",
    "第 {1*} 层所加的值相差 {2} 至 {3} %，其余各层所加的值正确；没有已知错误能解释{4*}：是它们的另一个版本",
  ],
  [
    "what layers {} add is {} to {} % off; no known mistake explains it{}: another version of them",
    "第 {1*} 层所加的值相差 {2} 至 {3} %；没有已知错误能解释{4*}：是它们的另一个版本",
  ],
  [
    "what layers {} add is {} to {} % off, in every layer, and all else is right; {}",
    "第 {1*} 层所加的值相差 {2} 至 {3} %，每一层都如此，其余都正确；{4*}",
  ],
  [
    "what layers {} add is {} to {} % off, in every layer; {}",
    "第 {1*} 层所加的值相差 {2} 至 {3} %，每一层都如此；{4*}",
  ],
  ["what layers {} add is {} to {} % off; {}", "第 {1*} 层所加的值相差 {2} 至 {3} %；{4*}"],
  [
    "{} of its values are {}, and none is larger, as where a limit cut them; with these made larger, beside those of the tensors before, the departure's energy falls by {}",
    "其中 {1} 个值为 {2}，没有更大的值，如同被某个上限截断；除前面各张量的值之外再把这些值放大之后，偏离的能量下降 {3}",
  ],
  [
    "{} of its values are {}, and none is larger, as where a limit cut them; with these made larger, the departure's energy falls by {}",
    "其中 {1} 个值为 {2}，没有更大的值，如同被某个上限截断；把这些值放大之后，偏离的能量下降 {3}",
  ],
  ["{} and more", "{} 等"],
  [
    "layers {} and {} are the same in all their tensors: a layer was lost, of which one of them took the place, or those between stand one place off",
    "第 {} 层与第 {} 层的所有张量都相同：有一层丢失，其位置被其中一层占据，或其间各层错开一位",
  ],
  [
    "layer {} stands in place {}, and those between one place off",
    "第 {} 层位于第 {} 位，其间各层错开一位",
  ],
  [
    "in every layer: {}; put right, the difference falls from {} to {}",
    "每一层：{1*}；改正之后，差异从 {2} 降到 {3}",
  ],
  [
    "in layers {}: {}; put right, the difference falls from {} to {}",
    "第 {1} 层：{2*}；改正之后，差异从 {3} 降到 {4}",
  ],
  [
    "experts {} and {} are stored under each other's numbers, while the rows of their router stand in their own places",
    "第 {} 个与第 {} 个专家互换了编号，而其路由器的行在各自的位置",
  ],
  ["experts {} and {} are stored under each other's numbers", "第 {} 个与第 {} 个专家互换了编号"],
  [
    "the experts of a layer {} (place i holds expert {} of the other side), while the rows of their router stand in their own places",
    "一层中的专家{1*}（第 i 位是另一侧的第 {2} 个专家），而其路由器的行在各自的位置",
  ],
  [
    "the experts of a layer {} (place i holds expert {} of the other side)",
    "一层中的专家{1*}（第 i 位是另一侧的第 {2} 个专家）",
  ],
  [
    "are sorted by their numbers as text, in which 10 comes before 2",
    "按编号的文本排序（10 在 2 之前）",
  ],
  [
    "were read as if they were sorted by their numbers as text, in which 10 comes before 2",
    "被当作按编号的文本排序（10 在 2 之前）来读取",
  ],
  ["stand in reverse", "次序相反"],
  ["stand in another order", "次序不同"],
  ["columns of zeros: {}", "全零的列：{}"],
  ["num_hidden_layers is {}, the file has {} layers", "num_hidden_layers 为 {}，文件有 {} 层"],
  [
    "num_hidden_layers is {}, the golden has the states of {} layers",
    "num_hidden_layers 为 {}，参考值有 {} 层的状态",
  ],
  [
    "config.json asks for biases, the file has none under {}",
    "config.json 要求偏置，文件中没有{1*}的偏置",
  ],
  ["this name", "这个名字"],
  ["these {} names", "这 {} 个名字"],
  ["the logits of {} of {} tokens are wrong: {}", "{2} 个词元中有 {1} 个的 logits 是错的：{3}"],
  [
    "the rows of {} of {} tokens in the golden's prompts are not those of the reference: {}",
    "参考值的提示词共有 {2} 个词元，其中 {1} 个的行与参考不同：{3}",
  ],
  ["rows of zeros, which the golden has not: {}", "全零的行，而参考值中没有：{}"],
  [
    "the golden's, rounded to {}, in the rows of {} tokens",
    "在 {2} 个词元的行中是参考值舍入到 {1} 的值",
  ],
  [
    "the embeddings are the same as lm_head, though config.json does not tie them",
    "嵌入与 lm_head 相同，而 config.json 没有把它们绑定",
  ],
  [
    "the embeddings of the golden's {} wrong tokens are rows of lm_head; {}",
    "参考值中 {1} 个出错词元的嵌入是 lm_head 的行；{2*}",
  ],
  [
    "on the other side lm_head is the embeddings, here it is not; the embeddings are the same on both sides",
    "在另一侧 lm_head 就是嵌入，这里不是；两侧的嵌入相同",
  ],
  ["it has the values of {}", "它具有 {} 的值"],
  [
    "stored under each other's name: each holds the other side's values of the other",
    "以对方的名字保存：各自持有另一侧对方的值",
  ],
  [
    "it holds the values of {}, which stand in their own place, too",
    "它持有 {} 的值，而这些值也在自己的位置上",
  ],
  ["it holds the values of {}", "它持有 {} 的值"],
  ["{}; put right, the values are those of the other side", "{1*}；改正之后，数值与另一侧相同"],
  ["every logit is {} times the golden's", "每个 logit 都是参考值的 {} 倍"],
  [
    "the logits of each token are the golden's by a factor of its own, from {} to {}",
    "每个词元的 logits 都是参考值乘以该词元自己的系数，系数从 {} 到 {}",
  ],
  ["the other side has these biases, this one has not", "另一侧有这些偏置，这一侧没有"],
  ["its shape is [{}], on the other side [{}]", "它的形状是 [{}]，在另一侧是 [{}]"],
  [
    "stored as [in, out]; transposed, the values are those of the other side",
    "以 [in, out] 保存；转置之后，数值与另一侧相同",
  ],
  ["every element is 0, on the other side they are not", "每个元素都是 0，在另一侧则不是"],
  ["every element is {}, which those of {} are not", "每个元素都是 {}，而 {} 的元素不是"],
  ["elements {} to {} are those of {}", "第 {} 到 {} 个元素是 {} 的元素"],
  ["layers {} and {} are stored in each other's place", "第 {} 层与第 {} 层互换了位置"],
  [
    "{} tensors are {} off, all over, as no known mistake makes them: another version of the other side's{}",
    "{1} 个张量处处相差 {2}，不是任何已知错误所致：是另一侧的另一个版本{3}",
  ],
  [
    "{} departs by {} (noise {}) on the golden's own states{}: {}; no known mistake explains it; all other layers, the embeddings and the head are right",
    "在参考值自己的状态上，{1} 偏离 {2}（噪声 {3}）{4*}：{5*}；没有已知错误能解释；其余各层、嵌入与输出头都正确",
  ],
  [
    "{} departs by {} (noise {}) on the golden's own states{}: {}; no known mistake explains it, as far as the search went",
    "在参考值自己的状态上，{1} 偏离 {2}（噪声 {3}）{4*}：{5*}；搜索所及，没有已知错误能解释",
  ],
  [
    "{} departs by {} (noise {}) on the golden's own states{}: {}; no known mistake explains it",
    "在参考值自己的状态上，{1} 偏离 {2}（噪声 {3}）{4*}：{5*}；没有已知错误能解释",
  ],
  [", {} % of what it adds", "，为其所加的值的 {} %"],
  [
    "its tokens take different experts, so that positions are not told from networks",
    "其词元取用不同的专家，因此无法区分位置与前馈网络",
  ],
  [
    "already at the first token of a prompt, so that it is not the positions",
    "在提示词的第一个词元就已如此，因此不是位置的问题",
  ],
  [
    "the first token of every prompt is right, so that it is the rotary table, queries or keys",
    "每个提示词的第一个词元都正确，因此是旋转位置表、query 或 key",
  ],
  [
    "the rows of {} are the other side's, each once: the parts of {} parallel ranks, {} each, {}",
    "{} 的行都来自另一侧，各出现一次：是 {} 个并行部分，各为 {}，{}",
  ],
  [
    "the rows of {} are the other side's, each once, in another order: {}",
    "{} 的行都来自另一侧，各出现一次，次序不同：{}",
  ],
  [
    "PASS  every tensor is explained ({}); map written: {}; {} s",
    "通过  每个张量都已解释（{1*}）；对应关系已写入：{2}；{3} 秒",
  ],
  ["PASS  every tensor is explained ({}); {} s", "通过  每个张量都已解释（{1*}）；{2} 秒"],
  [
    "FAIL  {} unexplained; nothing is written; {} s",
    "不通过  {1*}没有得到解释；没有写入任何内容；{2} 秒",
  ],
  ["unexplained: {}", "没有解释：{}"],
  ["PASS  {} beside {}", "通过  {} 对照 {}"],
  ["FAIL  {} beside {}", "不通过  {} 对照 {}"],
  ["{} blocks", "{} 个块"],
  ["{} block", "{} 个块"],
  [
    "proved to the byte: {} of {}, and {} of {} that are not quantised",
    "逐字节证明：{2*}中的 {1} 个，以及未量化的{4*}中的 {3} 个",
  ],
  [
    "proved to the byte: {} of {}, and {} of {} that is not quantised",
    "逐字节证明：{2*}中的 {1} 个，以及未量化的{4*}中的 {3} 个",
  ],
  [
    "explained by rounding under their own scales: {} blocks ({}); a change that keeps every level the nearest one would not show",
    "按各自的 scale 由舍入解释：{} 个块（{}）；若某处改动使每个等级仍为最近者，则不会显现",
  ],
  ["with other scales than here: {}", "scale 与此处不同：{}"],
  [
    "an importance matrix chose scales: numbers beyond the last level are no failure",
    "scale 由重要性矩阵选出：超出最末等级的数不算失败",
  ],
  [
    "--imatrix FILE compares the bytes that the matrix leads to",
    "以 --imatrix FILE 给出该矩阵，即可比较由它得到的字节",
  ],
  ["quantised by {}: {} of {}", "按 {1} 量化：{3*}中的 {2} 个"],
  ["not in the matrix: {}", "矩阵中没有：{}"],
  ["of another size in the matrix: {}", "矩阵中大小不同：{}"],
  ["in the matrix, and quantised without it: {}", "矩阵中有，但量化时未用：{}"],
  ["in the matrix, which does not lead to their bytes: {}", "矩阵中有，但得不到其字节：{}"],
  ["of types that no matrix is for here: {}", "类型在此不用矩阵：{}"],
  ["with blocks that are judged by their levels alone: {}", "含有仅按等级判断的块：{}"],
  ["largest error: {} half steps of its block", "最大误差：所在块半个步长的 {} 倍"],
  ["not explained: {} block {} at byte {}", "没有解释：{} 的第 {} 块，位于第 {} 字节"],
  ["and {} more; --json has them", "另有 {} 个；--json 列出全部"],
  [
    "and {} more; --json names the first 4096 of each tensor",
    "另有 {} 个；--json 列出每个张量的前 4096 个",
  ],
  ["{}: not signed", "{}：未签名"],
  ["{} s, nothing was run", "{} 秒，没有运行任何内容"],
  [
    "its values are as independent normal draws of size {} are, alike in all rows and columns, which those of the other side are not: as before anything was loaded",
    "其值如同大小为 {} 的独立正态随机数，各行各列一致，而另一侧的值并非如此：如同尚未加载任何内容",
  ],
  [
    "its values are the other side's, each once, in an order that is not known; {} of them stand in their own place",
    "其值都来自另一侧，各出现一次，次序不明；其中 {} 在自己的位置上",
  ],
  [
    "{}; the values are the other side's, each once, in an order that is not known",
    "{1*}；其值都来自另一侧，各出现一次，次序不明",
  ],
  [
    "its values are not the other side's, in no way that is known: none is equal, and their correlation is {}",
    "其值不是另一侧的值，也不以任何已知方式由其得来：没有相等的值，相关系数为 {}",
  ],
  [
    "its values are not the other side's, in no way that is known: {} are equal, and their correlation is {}",
    "其值不是另一侧的值，也不以任何已知方式由其得来：{} 的值相等，相关系数为 {}",
  ],
  [
    "all {} elements that differ are among {} to {}: rows {} to {}; their correlation with the other side's is {}",
    "不同的 {} 个元素都在第 {} 到 {} 个之间：第 {} 到 {} 行；与另一侧对应值的相关系数为 {}",
  ],
  [
    "all {} elements that differ are among {} to {}: row {}; their correlation with the other side's is {}",
    "不同的 {} 个元素都在第 {} 到 {} 个之间：第 {} 行；与另一侧对应值的相关系数为 {}",
  ],
  [
    "all {} elements that differ are among {} to {}: rows {} to {}",
    "不同的 {} 个元素都在第 {} 到 {} 个之间：第 {} 到 {} 行",
  ],
  [
    "all {} elements that differ are among {} to {}: row {}",
    "不同的 {} 个元素都在第 {} 到 {} 个之间：第 {} 行",
  ],
  ["{}; both sides in {}", "{1*}；两侧都舍入到 {2}"],
  ["in {} both sides are equal", "舍入到 {} 之后两侧相等"],
  ["{}; beside the layer that stands in its place", "{1*}；与该位置上实际存放的那一层对照"],
  ["{}; and beside those {}", "{1*}；与之对照，{2*}"],
  [
    "row i holds row i − {} of the other side, from row {} to row {}; {}",
    "第 i 行是另一侧的第 i − {1} 行，从第 {2} 行到第 {3} 行；{4*}",
  ],
  [
    "row i holds row i + {} of the other side, from row {} to row {}; {}",
    "第 i 行是另一侧的第 i + {1} 行，从第 {2} 行到第 {3} 行；{4*}",
  ],
  ["row {} has values of its own, put in there", "第 {} 行是插入的，有自己的值"],
  ["rows {} to {} have values of their own, put in there", "第 {} 到 {} 行是插入的，有自己的值"],
  [
    "its axes stand in another order: [{}] is the other side's with axes {}",
    "它的轴次序不同：[{}] 是另一侧按轴 {} 排列的",
  ],
  [
    "its numbers in a row are the other side's with axes {}, under the same shape [{}]",
    "按存放次序，其数值是另一侧按轴 {} 排列的，形状仍为 [{}]",
  ],
  ["along axis {}: {}", "沿第 {1} 轴：{2*}"],
  [
    "every value is a whole number from {} to {}, which is the other side's times {}, plus {}, and rounded: codes of a quantized tensor without their scales and zero points",
    "每个值都是 {1} 到 {2} 的整数，等于另一侧的值乘以{3*}，加上{4*}，再取整：是量化张量的编码，缺少其 scale 与零点",
  ],
  ["one factor", "一个系数"],
  ["one factor for each row", "每行一个系数"],
  ["one factor for each {} elements of a row", "每行每 {} 个元素一个系数"],
  ["a zero point of its own", "各自的零点"],
];
