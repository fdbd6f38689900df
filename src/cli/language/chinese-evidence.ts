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
  ["rows of zeros: {}", "全零的行：{}"],
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
    "{} departs by {} (noise {}) on the golden's own states: {}; no known mistake explains it, as far as the search went",
    "在参考值自己的状态上，{1} 偏离 {2}（噪声 {3}）：{4}；搜索所及，没有已知错误能解释",
  ],
  [
    "{} departs by {} (noise {}) on the golden's own states: {}; no known mistake explains it",
    "在参考值自己的状态上，{1} 偏离 {2}（噪声 {3}）：{4}；没有已知错误能解释",
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
];
