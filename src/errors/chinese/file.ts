import type { FILE_CODES } from "../codes/file.ts";
import type { Wording } from "../code-table.ts";

/** The wording of `FILE_CODES` in Chinese. */
export const CHINESE_FILE_CODES: Readonly<Partial<Record<keyof typeof FILE_CODES, Wording>>> = {
  WB3001: {
    title: "没有这个文件或文件夹",
    meaning: "给出的路径，或索引中所写的路径，不存在。",
    remedy: "检查路径；模型文件夹中应有 config.json 与至少一个权重文件。",
  },
  WB3002: {
    title: "不是普通文件",
    meaning: "需要权重文件的地方，路径指向了文件夹、FIFO、套接字或设备。",
    remedy: "给出普通文件的路径。",
  },
  WB3003: {
    title: "文件提前结束",
    meaning: "文件头部所承诺的字节并不存在：文件被截断，或在读取期间变短。",
    remedy: "重新下载或复制文件，并与原文件比较大小。",
  },
  WB3004: {
    title: "是 Git LFS 指针，不是文件本身",
    meaning: "克隆仓库时没有使用 Git LFS：文件里只有几行文字，说明权重在哪里。",
    remedy: "在仓库中运行 `git lfs pull`，或下载文件本身。",
  },
  WB3005: {
    title: "是网页，不是文件本身",
    meaning: "文件内容是 HTML：下载页或错误信息被存成了这个文件名。",
    remedy: "从文件的直接地址重新下载。",
  },
  WB3006: {
    title: "文件夹中没有权重",
    meaning:
      "文件夹里没有按权重命名的文件：*.safetensors、pytorch_model.bin、model_state.pdparams 等。",
    remedy: "直接给出文件的路径；格式由内容判断。",
  },
  WB3007: {
    title: "空文件",
    meaning: "文件没有任何字节。",
    remedy: "重新下载或复制文件。",
  },
  WB5001: {
    title: "对话模板越出沙箱",
    meaning:
      "对话模板是 Jinja 程序。这个模板取用了通向 Python 内部的属性，而消息模板从不需要它们。",
    remedy: "不要使用这个模型的模板；从发布者处取得模板，并先检查内容。",
  },
  WB5002: {
    title: "会让加载程序执行代码的配置",
    meaning: "其中有保存代码的层（Lambda）、Keras 之外模块的类，或构造 Python 对象的 YAML 标签。",
    remedy: "不要加载，或只用 Keras 的安全模式、安全的 YAML 加载器；向发布者索取纯权重。",
  },
  WB5003: {
    title: "指向文件夹之外的文件",
    meaning:
      "加载它会按绝对路径、.. 或网址打开另一个文件：Keras 的词表、HDF5 的链接、权重清单。那个文件的内容可能随模型的回答泄露。",
    remedy: "不要加载；向发布者索取所有文件放在一起的模型。",
  },
  WB3008: {
    title: "有几份权重可选",
    meaning:
      "这个文件夹或其子文件夹中有多个权重文件，名字与索引都没有说明要哪一个，也没有说明它们如何组成一份。",
    remedy: "给出消息所列文件或文件夹之一的路径。",
  },
  WB3009: {
    title: "循环的链接",
    meaning: "路径是一个符号链接，直接或间接地指回自己。",
    remedy: "修正或删除这些链接。",
  },
  WB3010: {
    title: "源文件在读取期间改变了",
    meaning:
      "源文件的大小、时间、身份或实体标签已与转换开始时不同：读到的内容可能属于两个版本。没有放置任何结果。",
    remedy: "等源文件不再被写入，再重新转换。",
  },
  WB3011: {
    title: "文件与发布者上传的不一致",
    meaning:
      "hub 或其工具的缓存记录了上传时的 sha256；本机的文件，或服务器发来的文件，sha256 不同：它之后被损坏或改动过。远程文件按顺序整个读完时才比较。没有放置任何结果。",
    remedy: "删除该文件，重新下载。",
  },
  WB4001: {
    title: "不支持的文件格式",
    meaning: "开头的字节不属于 weighbridge 能读取的任何格式。",
    remedy:
      "weighbridge 读取 safetensors、PyTorch（.bin、.pt、.pth）与 Paddle（.pdparams）；请先转换成其中之一。",
  },
  WB4002: {
    title: "scan 不理解的文件",
    meaning: "它是程序、scan 不读取的格式、已损坏，或大到不去查看。它也许无害，但没有证据。",
    remedy: "自行检查，把它移出文件夹，或用 `scan --allow-unexamined` 接受所有这类文件。",
  },
  WB4003: {
    title: "不读取的压缩流",
    meaning: "压缩方式不是 weighbridge 能读取的，或数据已损坏，或大到内存放不下。",
    remedy: "用可信的工具解压，再给出其中的内容。",
  },
  WB4004: {
    title: "压缩包的成员太多，或嵌套太深",
    meaning: "检查成员有数量与深度的上限，正常发布的模型不会达到。",
    remedy: "用可信的工具解包，再扫描文件夹。",
  },
  WB4005: {
    title: "分布式检查点",
    meaning:
      "分布式检查点的文件（.distcp）保存张量的切片。torch 的切片在旁边有 .metadata 且未压缩时可以拼合；Paddle 的不能。",
    remedy:
      "给出带 .metadata 的整个文件夹，或先写成一个文件：python -m torch.distributed.checkpoint.format_utils dcp_to_torch FOLDER FILE。",
  },
  WB4006: {
    title: "权重被切分的 DeepSpeed 检查点",
    meaning:
      "ZeRO 3、模型并行与流水线把权重分散在各 rank 的文件中。只取其中一个，就只是模型的一部分。",
    remedy: "运行 DeepSpeed 写在文件夹里的 zero_to_fp32.py，再转换它生成的文件。",
  },
};
