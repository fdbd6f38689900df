import type { MAPPING_CODES } from "../codes/mapping.ts";
import type { Wording } from "../code-table.ts";

/** The wording of `MAPPING_CODES` in Chinese. */
export const CHINESE_MAPPING_CODES: Readonly<Partial<Record<keyof typeof MAPPING_CODES, Wording>>> =
  {
    WB2701: {
      title: "无法判断 Linear 权重的布局",
      meaning:
        "PyTorch 把 Linear 权重存为 [out, in]，Paddle 存为 [in, out]。这个文件的权重全是方阵，或者没有这类权重，形状说明不了什么。",
      remedy:
        "请指明：--source-layout torch 或 --source-layout paddle。用 logits 检查（`weighbridge verify`）可以证明。",
    },
    WB2702: {
      title: "选项不适合这个模型",
      meaning: "转换的某个选项，是这个架构或格式没有的。",
      remedy: "阅读消息；`weighbridge convert --help` 列出可选的值。",
    },
    WB2710: {
      title: "所选部分不在文件里",
      meaning: "--select 给出的键路径在文件中不存在，或其下没有张量。",
      remedy: "`weighbridge inspect FILE --select .` 列出每个张量的完整路径。",
    },
    WB2711: {
      title: "名字规则格式错误，或什么也不匹配",
      meaning: "--strip-prefix、--rename 与 --drop 每条都必须至少匹配一个张量的名字。",
      remedy: "`weighbridge inspect FILE` 列出名字；* 代表任意字符。",
    },
    WB2712: {
      title: "两个张量会得到同一个名字",
      meaning: "去掉前缀或改名之后，文件中有两个张量同名。",
      remedy: "用 --select 选择一部分，用 --drop 去掉一个，或把改名写得更精确。",
    },
    WB2713: {
      title: "无法判断张量是否需要转置",
      meaning:
        "模型未知，因此布局靠证据判断：权重 [a, b] 旁边有 b 个值的偏置，是 Paddle 的；有 a 个值的偏置，是 torch 的；维数与名字能认出卷积、查表与循环单元。这些张量没有任何证据。",
      remedy:
        "请指明：--transpose '名字' 或 --keep '名字'（* 代表任意字符），或对所有没有证据的 Linear 权重用 --source-layout torch 或 paddle；--architecture none 一律原样取用。",
    },
    WB2715: {
      title: "没有适配器可以容纳的内容",
      meaning:
        "LoRA 适配器是从基础模型与由它训练得到的模型之间，Linear 权重的差别中提取的。这里没有任何一个 Linear 权重不同。",
      remedy:
        "先给出基础模型，再给出训练后的模型。若只有其他张量不同，`weighbridge diff` 会列出它们；适配器不是保存它们的形式。",
    },
    WB2703: {
      title: "无法判断差值应如何相加",
      meaning:
        "公开的脚本以不同的 dtype 相加权重，对新词的行也有不同的填法。差值是为哪一种而做，由其 dtype 判断：FastChat（Vicuna）是 F16，Alpaca 是 F32；这一个两者都不是。",
      remedy:
        "请指明：--delta-recipe fastchat 或 --delta-recipe alpaca；若以其他 dtype 相加，再加 --delta-dtype。",
    },
    WB2704: {
      title: "为不是写给 Paddle 的权重指定了 Paddle 程序的命名",
      meaning: "--for 说明由 Paddle 的哪个程序读取权重，而这些权重不是写给 Paddle 的。",
      remedy: "加上 --to paddle，或去掉 --for。",
    },
    WB2709: {
      title: "把 LoRA 适配器当成了差值",
      meaning:
        "差值对基础模型的每个权重都有一个完整矩阵。适配器（adapter_config.json、lora_A 与 lora_B）只对其中一些有两个窄因子，另有比例；直接相加毫无意义。",
      remedy: "用 --lora 给出，它像 peft 的 merge_and_unload 那样合并进基础模型。",
    },
    WB3701: {
      title: "模型的配置已损坏",
      meaning: "config.json 不是 JSON 对象，缺少该架构需要的字段，或自相矛盾。",
      remedy: "与模型发布时的 config.json 比较。",
    },
    WB3702: {
      title: "张量不是这个模型的",
      meaning: "有未知或缺失的名字，或形状不是 config.json 所要求的。",
      remedy: "检查 config.json 是否属于这些权重；`--architecture none` 原样转换。",
    },
    WB3703: {
      title: "张量对 Linear 权重的布局说法不一",
      meaning:
        "有些权重是 PyTorch 的形状 [out, in]，有些是 Paddle 的 [in, out]；一个文件只有一种布局。",
      remedy: "文件由两个来源拼成，或有些权重被误转置：请重新转换原文件。",
    },
    WB3704: {
      title: "并行的各部分拼不起来",
      meaning: "张量并行或流水线并行检查点缺少某个 rank，或某部分的形状不是其位置所要求的。",
      remedy: "把检查点的所有部分放进同一个文件夹。",
    },
    WB3705: {
      title: "没有 config.json",
      meaning: "没有它就不知道模型的各个尺寸。",
      remedy: "把模型的 config.json 放在权重旁边，或使用 `--architecture none`。",
    },
    WB3706: {
      title: "差值不属于这个基础模型",
      meaning: "基础模型与差值必须有相同的张量与形状；只有词表可以在差值中更长。",
      remedy: "检查两个模型的大小与版本；一个差值只适合一个基础模型。",
    },
    WB3707: {
      title: "同一参数的两个名字有不同的值",
      meaning:
        "Paddle 的循环网络把每个参数保存两次，一次用网络的名字，一次用单元的名字；映射也会说绑定的张量由一个代表。只能保留一个，而这里两者不同，其中一个会丢失。",
      remedy: "查明哪个正确，用 --drop 去掉另一个；--architecture none 两者都原样保留。",
    },
    WB3708: {
      title: "保存的旋转频率与配置矛盾",
      meaning:
        "文件中有 inv_freq，即保存时计算旋转位置所用的频率，而 config.json 给出的是另一些。它们对加载模型没有影响，因此加载后计算的位置与保存时不同。",
      remedy:
        "查明哪个正确：通常是 config.json 缺少或写错了 rope_scaling 或 rope_theta。消息说明了保存的频率对应什么。",
    },
    WB3709: {
      title: "量化矩阵的各部分对不上",
      meaning:
        "量化矩阵的编码、比例、零点与表在数量与形状上相互配合；这里缺少一个，或有一个形状不同。",
      remedy: "与原文件比较；`--architecture none` 原样精确复制。",
    },
    WB3710: {
      title: "适配器不属于这个基础模型",
      meaning:
        "PEFT 的适配器在因子旁边有带 rank 与缩放的 adapter_config.json，并指出基础模型的模块；这里有一项缺失、损坏或形状不同。",
      remedy: "检查基础模型与适配器是否属于同一模型，以及 adapter_config.json 是否存在。",
    },
    WB3711: {
      title: "损坏的映射",
      meaning: "--map 所指的文件不是映射，或其中有一行不是映射语句。",
      remedy: "重新制作：`weighbridge match A B --out map.json`。",
    },
    WB3712: {
      title: "映射不属于这个检查点",
      meaning:
        "源的每个张量必须出现在映射的一条语句中，每条语句必须找到形状相符的张量；否则会有内容悄悄丢失。",
      remedy: "用同一种类的两个检查点制作映射，或用 --drop 去掉不属于模型的部分。",
    },
    WB3713: {
      title: "--like 的基础模型不能解释所有张量",
      meaning:
        "源的每个张量都必须是基础模型的某个张量：原样、转置、合并、拆分或改变顺序，并且数值要像继续训练过的模型与其基础模型那样相关。这里有些找不到对应，因此什么也没有写。",
      remedy: "给出源确实由之训练而来的那个模型，或用 --drop 去掉不属于模型的部分（两边都去掉）。",
    },
    WB4705: {
      title: "不合并的适配器种类",
      meaning:
        "可以合并 LoRA，包括 rank-stabilised 缩放、rank 与 alpha 的模式以及整体保存的张量；DoRA、LoRA 自己的偏置、卷积的适配器与其他方法不行。",
      remedy: "用 peft 的 merge_and_unload 合并，再转换结果。",
    },
    WB4708: {
      title: "适配器的因子容纳不了的改变",
      meaning:
        "低秩因子改变的是 Linear 的权重。训练也改变了的归一化、偏置、嵌入、路由器与其他张量不是这种矩阵，缺少这些改变的适配器就不是训练后的模型。",
      remedy:
        "--rest save 把这些张量整个放进适配器（PEFT 的 modules_to_save 与偏置）；--rest leave 略去它们的改变并列出。",
    },
    WB4706: {
      title: "不计算数值的量化变体",
      meaning:
        "--dequantize 认识带比例的 FP8 与 INT8、compressed-tensors 的打包编码、MXFP4、GPTQ、AWQ（gemm）与 8 位、4 位的 bitsandbytes；这个矩阵以别的方式保存。",
      remedy: "用制作它的库反量化；`--architecture none` 精确复制。",
    },
    WB4707: {
      title: "要求编码器生成文本",
      meaning:
        "BERT、RoBERTa 与 ERNIE 在每个词元处看到两侧的词元，用于被遮盖的词元或文本的类别。它们不会续写文本。",
      remedy: "`weighbridge logits 模型` 给出每个词元处的 logits；`verify` 进行比较。",
    },
    WB4703: {
      title: "量化的权重",
      meaning:
        "矩阵以编码加比例保存（GPTQ、AWQ、FP8、bitsandbytes、compressed-tensors）。它们能被认出，其数值按要求计算。",
      remedy:
        "`weighbridge convert SRC DST --dequantize BF16`（或 F16、F32）写出数值，供 `verify`、`generate` 等使用；--architecture none 精确复制文件，包括编码与比例。",
    },
    WB4704: {
      title: "这个模型没有的布局",
      meaning: "--for 所指的程序没有这个模型的类，或其布局未知。",
      remedy: "去掉 --for，或改用消息所列的程序之一。",
    },
    WB4701: {
      title: "不支持的架构",
      meaning: "weighbridge 没有这个模型家族的描述。",
      remedy: "`--architecture none` 原样转换张量，不改名、不转置。",
    },
    WB4702: {
      title: "不支持的配置",
      meaning: "家族已知，但 config.json 的这项设置对模型的改变尚未实现。",
      remedy: "`--architecture none` 原样转换张量。",
    },
    WB3715: {
      title: "两个检查点不是同一模型的两个版本",
      meaning: "两者需要有相同的张量、相同的形状，且数值有限：要写出的是一个与另一个的差别。",
      remedy:
        "给出训练时所用的那个基础模型。--drop 可把张量从两边去掉；若只是名字或布局不同，先用 `convert --like BASE` 把训练后的模型变为基础模型的形式。",
    },
    WB3714: {
      title: "config.json 与张量指出的输出头不同",
      meaning:
        "BERT、RoBERTa 与 ERNIE 上的模型，区别在于隐藏状态之上是什么：被遮盖词元的 logits、类别、起点与终点，或什么也没有。config.json 中的类说的是其中一种，而张量属于另一种，或可能属于几种。transformers 与 PaddleNLP 会随机生成缺少的输出头，只给出一条警告。",
      remedy: '把这份权重自己的 config.json 放在旁边，或把 "architectures" 改为消息所说的类。',
    },
  };
