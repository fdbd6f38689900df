import type { Catalogue } from "./translate.ts";

/** Notes on what was taken, left out and assumed, on devices and memory, and lines of quantised files and servers, in Chinese. */
export const CHINESE_NOTES: Catalogue = [
  [
    "an adapter holds no settings, and those of the tuned model are not the base's: {}",
    "适配器不含设置，而训练后的模型与基础模型的设置不同：{1*}",
  ],
  ["left out: {}", "略去：{1*}"],
  ["taking {}; also there: {}", "取用 {}；另有：{}"],
  ['taking {}, which its file "latest" names', "取用 {}，由其中的文件 latest 指明"],
  ["{}, as asked: {}", "{1}，按所求：{2*}"],
  [
    "{} says neither the context nor the control tokens: taken to be {}, {} positions",
    "{} 既未说明上下文，也未说明控制词元：视为 {}，{} 个位置",
  ],
  [
    "base + delta as {}'s script adds them, in {} (all of the delta is {})",
    "base + delta：按 {} 的脚本相加，以 {} 计算（delta 全部为 {}）",
  ],
  [
    "base + delta as {}'s script adds them, in {} ({})",
    "base + delta：按 {} 的脚本相加，以 {} 计算（{}）",
  ],
  ["config.json is that of {}, the tokenizer that of {}", "config.json 取自 {}，分词器取自 {}"],
  ["a counter of the training, {}", "训练的计数器，{}"],
  ["not a tensor: an object that was pickled", "不是张量：是被 pickle 的对象"],
  [
    "{} is left out: {} ({}); --select {} takes it instead",
    "略去 {1}：{2*}（{3*}）；用 --select {4} 可改为取用它",
  ],
  ["the head is tied to {}, which has the same values", "输出头与 {} 绑定，数值相同"],
  ["the optimizer's state", "优化器的状态"],
  [
    "{}: a bias that config.json does not ask for is zero throughout and changes nothing: {}",
    "{1}：config.json 未要求的一个偏置全为零，不改变任何结果：{2}",
  ],
  [
    "{}: {} biases that config.json does not ask for are zero throughout and change nothing: {} and so on",
    "{1}：config.json 未要求的 {2} 个偏置全为零，不改变任何结果：{3} 等",
  ],
  [
    "no config.json in {}: tensors are taken as stored (--architecture none)",
    "{} 中没有 config.json：张量按保存的样子取用（--architecture none）",
  ],
  [
    "the float32 weights of ZeRO {}, put together from {} ranks",
    "ZeRO {} 的 float32 权重，由 {} 个进程的部分合成",
  ],
  [
    "the float32 weights of ZeRO {}, put together from {} rank",
    "ZeRO {} 的 float32 权重，由 {} 个进程的部分合成",
  ],
  [
    "a TorchScript program: the parameters and buffers that its classes declare; its code is not run",
    "TorchScript 程序：其类所声明的参数与缓冲区；其代码不会运行",
  ],
  ["the names are those of {}", "名字取自 {}"],
  [
    "{} ties lm_head to the embeddings, but the weights have another: it is used, as transformers does",
    "{} 把 lm_head 与嵌入绑定，但权重另有一份：取用那一份，与 transformers 相同",
  ],
  ["{} is taken off every name ({} put it there)", "从每个名字去掉 {}（由 {} 加上）"],
  ["{}. is taken off {} names ({} put it there)", "从 {2} 个名字去掉 {1}.（由 {3} 加上）"],
  ["{}. is taken off {} name ({} put it there)", "从 {2} 个名字去掉 {1}.（由 {3} 加上）"],
  [
    "{} is taken off {} of {} names, which {} has without it",
    "从 {3} 个名字中的 {2} 个去掉 {1}，{4} 的名字没有它",
  ],
  [
    "modules_to_save. is taken off {} name, of which PEFT trained copies{}",
    "从 {1} 个名字去掉 modules_to_save.，PEFT 训练了它的副本{2*}",
  ],
  [
    "modules_to_save. is taken off {} names, of which PEFT trained copies{}",
    "从 {1} 个名字去掉 modules_to_save.，PEFT 训练了它们的副本{2*}",
  ],
  ["; the originals are left out", "；略去原件"],
  ["the original of a module of which PEFT trained a copy", "模块的原件，PEFT 训练的是它的副本"],
  [
    "merged into {} matrices as peft's merge_and_unload does (rank {}){}",
    "照 peft 的 merge_and_unload 合并到 {1} 个矩阵（秩 {2}）{3*}",
  ],
  [
    "merged into {} matrix as peft's merge_and_unload does (rank {}){}",
    "照 peft 的 merge_and_unload 合并到 {1} 个矩阵（秩 {2}）{3*}",
  ],
  ["; {} tensors that it saved whole take their place", "；它整个保存的 {} 个张量取而代之"],
  ["; {} tensor that it saved whole takes its place", "；它整个保存的 {} 个张量取而代之"],
  [
    "the head is tied to the embeddings in the base and no longer in the result: the adapter saved one of them whole, as peft leaves them",
    "基础模型的头部与嵌入绑定，结果中不再绑定：适配器整个保存了其中之一，与 peft 的结果相同",
  ],
  [
    "the head is tied to the embeddings in the base and no longer in the result: the adapter saved each of them whole, as peft leaves them",
    "基础模型的头部与嵌入绑定，结果中不再绑定：适配器分别整个保存了两者，与 peft 的结果相同",
  ],
  [
    "the adapter's vocabulary has {} rows, and the base's {}: vocab_size is {}; the tokenizer is the base's",
    "适配器的词表有 {} 行，基础模型的有 {} 行：vocab_size 为 {}；分词器取自基础模型",
  ],
  [
    "{} was saved whole: where a head is tied to it, peft leaves that head the old values, and the result has the new ones",
    "{} 整个保存在适配器中：若头部与它绑定，peft 让头部保留旧值，而结果中是新值",
  ],
  [
    "{} of the tensors are {} here and {} in {}: they stay {}; --dtype casts them",
    "其中 {} 个张量在这里是 {}，在 {4} 中是 {3}：保持 {5}；--dtype 可转换它们",
  ],
  [
    "a map does not cast to {}: by it, {} of the tensors keep their dtype",
    "映射不转换为 {}：照它转换时，其中 {} 个张量保持原来的 dtype",
  ],
  ["the configuration is that of its metadata", "配置取自其元数据"],
  ["no tokenizer is written into the file: {}", "文件中不写分词器：{1*}"],
  ["{}: no tokenizer", "{}：没有分词器"],
  [
    "source layout: {} ({} tensors say so: {} shape {} can only be {}), but for the head: {} shape {} can only be {}; target layout: {}",
    "源布局：{1}（{2} 个张量表明：{3} 的形状 {4} 只能是 {5}），头部除外：{6} 的形状 {7} 只能是 {8}；目标布局：{9}",
  ],
  [
    "source layout: {} ({} tensors say so: {} shape {} can only be {}); target layout: {}",
    "源布局：{}（{} 个张量表明：{} 的形状 {} 只能是 {}）；目标布局：{}",
  ],
  [
    "covered: {}, {}, {}, {} of tokenizers; not reached: {}",
    "覆盖：{1*}、{2*}、{3*}、分词器的{4*}；未触及：{5*}",
  ],
  ["covered: {}, {}, {}, {} of tokenizers", "覆盖：{1*}、{2*}、{3*}、分词器的{4*}"],
  ["{} texts", "{} 条文本"],
  ["{} text", "{} 条文本"],
  ["{}: no logits depend on them", "{}：没有 logits 依赖它们"],
  ["the server's context beyond {} tokens", "服务器超过 {} 个词元的上下文"],
  [
    "the server's tokenizer: it tells nothing of how it reads texts",
    "服务器的分词器：它没有说明如何读取文本",
  ],
  [
    "the server's chat template: it tells nothing of how it writes conversations",
    "服务器的对话模板：它没有说明如何书写对话",
  ],
  ["this server serves these weights, within {}", "该服务器提供的就是这些权重，在 {} 之内"],
  ["this server does not serve these weights as they are", "该服务器提供的不是原样的这些权重"],
  [
    "{} log-probabilities {} compared, in {} requests to {}",
    "比较了 {1} 个对数概率（{2*}），向 {4} 发出 {3} 次请求",
  ],
  ["likeliest tokens: the same in {} of {} rows", "最可能的词元：{2} 行中有 {1} 行相同"],
  [
    "quantised: {} tensors, {} blocks: {} with the very bytes of quantising the original, {} explained by rounding, {} not explained",
    "量化：{} 个张量，{} 个块：{} 个与量化原模型所得的字节完全相同，{} 个由舍入解释，{} 个没有解释",
  ],
  [
    "quantised: {} tensor, {} blocks: {} with the very bytes of quantising the original, {} explained by rounding, {} not explained",
    "量化：{} 个张量，{} 个块：{} 个与量化原模型所得的字节完全相同，{} 个由舍入解释，{} 个没有解释",
  ],
  [
    "largest error: {} half steps of its block; lost of the weights: {}",
    "最大误差：所在块半个步长的 {} 倍；权重的损失：{}",
  ],
  ["{} tensors are not what quantising the original gives", "{} 个张量不是量化原模型所得"],
  ["{} tensor is not what quantising the original gives", "{} 个张量不是量化原模型所得"],
  ["{} of {} tensors are not what quantising gives", "{2} 个张量中有 {1} 个不是量化所得"],
  ["{} blocks are not explained by the original", "{} 个块不能由原模型解释"],
  ["{} block is not explained by the original", "{} 个块不能由原模型解释"],
  [
    "cost in logits: {}, KL {} nats, the same likeliest token at {}",
    "对 logits 的代价：{1*}，KL {2} nat，最可能的词元在 {3} 处相同",
  ],
  [
    "settings: the original's weights under them {}, largest difference {}",
    "设置：原模型的权重在其下{1*}，最大差异 {2}",
  ],
  ["compute the same", "算出相同结果"],
  ["compute something else", "算出别的结果"],
  [
    "memory: resident: weights are used for every token; {} resident, {} streamed, {} allowed",
    "内存：常驻：每个词元都要用到权重；常驻需 {}，流式需 {}，允许 {}",
  ],
  [
    "memory: resident: weights are used for every token; {} resident, {} streamed, {} allowed, of which {} on the {} heap",
    "内存：常驻：每个词元都要用到权重；常驻需 {}，流式需 {}，允许 {}，其中 {} 在 {} 堆上",
  ],
  [
    "memory: streamed: weights are used for every token; {} resident, {} streamed, {} allowed",
    "内存：流式：每个词元都要用到权重；常驻需 {}，流式需 {}，允许 {}",
  ],
  [
    "memory: streamed: weights are used once; {} resident, {} streamed, {} allowed",
    "内存：流式：权重只用一次；常驻需 {}，流式需 {}，允许 {}",
  ],
  [
    "memory: streamed: weights are used once; {} resident, {} streamed, {} allowed, of which {} on the {} heap",
    "内存：流式：权重只用一次；常驻需 {}，流式需 {}，允许 {}，其中 {} 在 {} 堆上",
  ],
  ["the text of a program, which scan does not judge", "程序的文本，scan 不作判断"],
  ["of prompts and answers", "属于提示词与回答"],
  ["of answers", "属于回答"],
  ["what the target folder held may be replaced", "目标文件夹原有的内容可能被替换"],
  ["what was written is not read back from the disk", "写入的内容不从磁盘读回"],
  ["files that nobody understood count as examined", "没有读懂的文件算作已检查"],
  ["names outside the allow-list are read as plain data", "许可名单之外的名字作为普通数据读取"],
  ["sixteen times the usual tolerance", "容差为通常的十六倍"],
  ["tensors with such names are not compared", "不比较有这种名字的张量"],
  ["the tolerance on differences was given by hand", "差异的容差由人工给出"],
  ["the tolerance on the KL divergence was given by hand", "KL 散度的容差由人工给出"],
  ["the tolerance is not held against the model's own noise", "容差不以模型自身的噪声为准"],
  ["the tensors themselves are not compared", "不比较张量本身"],
  ["names and shapes are not held against config.json", "名字与形状不与 config.json 核对"],
  ["so many answers may be others beyond near-ties", "允许这么多回答不同且不是接近平局"],
  [
    "changed answers are no failure, only more points lost than that in a task",
    "回答改变不算失败，只有某个任务失去更多分数才算",
  ],
  ["how often the sequential test may err was given by hand", "序贯检验的误差率由人工给出"],
  [
    "rows that cannot be asked are left out of scores and comparison",
    "无法提问的行不计入分数与比较",
  ],
  [
    "--seed changes nothing: all rows are asked, since there is no --limit",
    "--seed 不起作用：没有 --limit，所有的行都提问",
  ],
  [
    "--turns changes nothing: base models see no marks around turns; --variant chat models do",
    "--turns 不起作用：基础模型看不到每一轮两侧的标记；--variant chat 才会",
  ],
  ["stopping: answers at work may end", "正在停止：进行中的回答可以完成"],
  [
    "stopped: {} requests answered, {} failed, {} cancelled",
    "已停止：回答了 {} 个请求，{} 个失败，{} 个被取消",
  ],
  ["{} of {} available", "{2} 中有 {1} 可用"],
  ["{} free in the working directory", "当前目录可用 {}"],
  ["not installed", "未安装"],
  ["no NVIDIA GPU", "没有 NVIDIA GPU"],
  ["no GPU build that sees a GPU", "没有能看到 GPU 的 GPU 构建"],
  ["{}; TensorFlow does not see it", "{}；TensorFlow 看不到它"],
  ["{} does not load: {}", "{} 无法加载：{}"],
  [
    "TensorFlow for half dtypes and speed; wasm works without",
    "TensorFlow，用于半精度与速度；没有它 wasm 也能工作",
  ],
  [
    "TensorFlow.js's WebAssembly backend and kernels of our own, parts of weighbridge; SIMD for their speed",
    "TensorFlow.js 的 WebAssembly 后端与自有内核，都是 weighbridge 的一部分；其速度依靠 SIMD",
  ],
  ["an NVIDIA GPU with its driver, for --device cuda", "带驱动的 NVIDIA GPU，用于 --device cuda"],
  [
    "{} for logits of a 7B model, {} to generate with it resident",
    "7B 模型的 logits 需 {}，常驻生成需 {}",
  ],
  ["{} for a converted 7B model", "转换后的 7B 模型需 {}"],
  ["Install Node 24, or 22 or 26.", "请安装 Node 24，或 22、26。"],
  ["Check that the driver is of version 525 or newer.", "请确认驱动版本为 525 或更新。"],
  [
    "Close other programs; smaller models and conversions still work.",
    "请关闭其他程序；较小的模型与转换仍可进行。",
  ],
  ["Convert to a folder on another disk.", "请转换到另一块磁盘上的文件夹。"],
  [
    "Remove that package or mend it; weighbridge can build its own: weighbridge native install.",
    "请移除或修好那个包；weighbridge 可以自建：weighbridge native install。",
  ],
  [
    "TensorFlow {} with @tensorflow/tfjs-node-gpu {} is ready after {} s",
    "TensorFlow {} 与 @tensorflow/tfjs-node-gpu {} 已就绪，用时 {} 秒",
  ],
  [
    "TensorFlow {} is already there; --force builds it anew",
    "TensorFlow {} 已在；--force 会重新构建",
  ],
  ["it sees a GPU", "能看到 GPU"],
  ["it runs on the CPU, kernels for {}", "在 CPU 上运行，内核适用于 {}"],
  [
    "it runs on the CPU, without kernels of our own (TensorFlow's are used)",
    "在 CPU 上运行，没有自有内核（使用 TensorFlow 的）",
  ],
  ["native TensorFlow is not installed ({})", "没有安装原生 TensorFlow（{}）"],
  ["PASS  {} of {} steps as they should be, {} s", "通过  {2} 步中有 {1} 步符合预期，{3} 秒"],
  ["FAIL  {} of {} steps as they should be, {} s", "不通过  {2} 步中有 {1} 步符合预期，{3} 秒"],
  ["{} tensors ({} transposed), read back and verified", "{} 个张量（{} 个转置），已读回并核对"],
  ["{} tensors identical to the bit", "{} 个张量逐位相同"],
  [
    "pass: {} prompts, {} positions, largest difference of a logit {}",
    "通过：{} 个提示词，{} 个位置，logit 的最大差异 {}",
  ],
  ["{} prompts, on {}", "{} 个提示词，在 {} 上"],
  [
    "fail: transposed {}: stored as [in, out]; put right, the difference falls from {} to {}",
    "不通过：{} 被转置：以 [in, out] 保存；改正之后，差异从 {} 降到 {}",
  ],
  ["{}: {} prompts, {} tokens, {} s", "{}：{} 个提示词，{} 个词元，{} 秒"],
  [
    "prompt {}: {} tokens, {} positions; after position {}: {}",
    "提示词 {}：{} 个词元，{} 个位置；在位置 {} 之后：{}",
  ],
  ["written to {}", "已写入 {}"],
];
