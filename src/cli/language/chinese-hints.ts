import type { Catalogue } from "./translate.ts";

/** Remedies for a command line in Chinese, beside those that each error code has. */
export const CHINESE_HINTS: Catalogue = [
  ["Name a folder outside of it, such as {}.", "请指定其外的文件夹，例如 {}。"],
  ["Convert to a folder here, and upload that.", "请转换到本机的文件夹，再上传它。"],
  ["Run `weighbridge {}--help`.", "运行 `weighbridge {}--help`。"],
  [
    "An adapter stands in it, not merged: --drop '*lora_*' takes the base without it; peft's merge_and_unload merges it first.",
    "其中有未合并的适配器：--drop '*lora_*' 只取基础模型；也可先用 peft 的 merge_and_unload 合并。",
  ],
  [
    "Mend the rows that the message names: no other is left to ask.",
    "修正消息指出的行：没有其他行可问。",
  ],
  [
    "Mend the rows that the message names: worked examples cannot be left out.",
    "修正消息指出的行：示例不能跳过。",
  ],
  [
    "Change the name in the task file, or leave one of them out.",
    "修改任务文件中的名字，或去掉其中一个。",
  ],
  ["Convert both checkpoints first.", "先转换两个检查点。"],
  [
    "--rest save puts these tensors whole into the adapter, as PEFT's modules_to_save; --rest leave leaves their changes out.",
    "--rest save 把这些张量整个放进适配器（即 PEFT 的 modules_to_save）；--rest leave 略去它们的改变。",
  ],
  ["--rest leave leaves these changes out.", "--rest leave 略去这些改变。"],
  [
    "A class of a script or of torch.nn is named where a model, or an object that holds it, was saved whole. --data-only takes its tensors, and calls nothing.",
    "整个保存模型或含有它的对象时，会写入脚本或 torch.nn 的类名。--data-only 取其中的张量，且不调用任何东西。",
  ],
  [
    "Leave --execute out, or give rows with these columns.",
    "去掉 --execute，或给出带有这些列的行。",
  ],
  ["Run it again.", "重新运行即可。"],
  [
    "Run it again with --resume, which goes on from {}.part.",
    "加上 --resume 重新运行，从 {}.part 继续。",
  ],
  ["{} On the hub: did you mean hf:{}?", "{} 若在 hub 上：是否想用 hf:{}？"],
  [
    "A part that was stopped is run again as it was; making a plan writes no weights.",
    "被停止的部分照原样重新运行；制作计划不会写出权重。",
  ],
  [
    "A settings file in or below a model's folder is never read: keep yours elsewhere.",
    "模型文件夹之内的设置文件从不读取：请放在别处。",
  ],
  ["Convert it first, with its config.json.", "先连同 config.json 一起转换它。"],
  ["Convert the base first, then merge into the result.", "先转换基础模型，再合并到结果中。"],
  ["Convert the model first, with its config.json.", "先连同 config.json 一起转换模型。"],
  [
    "Convert with --delta in one piece; a second conversion of its result may be split.",
    "带 --delta 的转换不能分部；对其结果的再次转换可以分部。",
  ],
  [
    "Finish it (--plan FILE --finish), convert to another folder, or throw the parts away with --force.",
    "完成它（--plan FILE --finish），转换到另一个文件夹，或用 --force 丢弃各部分。",
  ],
  [
    "Finish that one with --resume, or convert to another folder.",
    "用 --resume 完成那一次，或转换到另一个文件夹。",
  ],
  [
    "Free some space, or set WEIGHBRIDGE_NATIVE_FOLDER to a folder on another disk.",
    "腾出空间，或把 WEIGHBRIDGE_NATIVE_FOLDER 设为另一个磁盘上的文件夹。",
  ],
  [
    "Give --architecture none beside it to go by shapes and names alone.",
    "同时给出 --architecture none，只依据形状与名字。",
  ],
  [
    "Leave --architecture out, or give none to take tensors as stored.",
    "去掉 --architecture，或给出 none 以原样取用张量。",
  ],
  [
    "Make it first: `weighbridge convert SRC DST --plan FILE`, without --part and --finish.",
    "先制作它：`weighbridge convert SRC DST --plan FILE`，不带 --part 与 --finish。",
  ],
  [
    "Put the model's config.json beside the parts, or convert each part by itself.",
    "把模型的 config.json 放在各部分旁边，或单独转换每个部分。",
  ],
  [
    "Run again with --verbose to see TensorFlow's own reason; check `nvidia-smi`.",
    "加上 --verbose 重新运行，查看 TensorFlow 自己给出的原因；检查 `nvidia-smi`。",
  ],
  [
    "Take the file of the model. Who wants the optimizer's tensors asks for them: --select .",
    "请取模型的文件。需要优化器的张量时请指明：--select .",
  ],
  [
    "Use fewer or shorter prompts, or native TensorFlow (`weighbridge native install`).",
    "使用更少或更短的提示词，或使用原生 TensorFlow（`weighbridge native install`）。",
  ],
  ["Use one native device a process.", "每个进程只使用一种原生设备。"],
  ["Wait for it to end.", "等它结束。"],
  [
    "Write PyTorch or Paddle instead (--to pytorch), or split it into real and imaginary parts first.",
    "改写成 PyTorch 或 Paddle（--to pytorch），或先把它拆成实部与虚部。",
  ],
  ["It has {}.", "它有 {}。"],
  [
    "Choose one: {}; or take the file as it is: --select .",
    "选择其一：{}；或把文件原样取用：--select .",
  ],
  [
    "It weakens a check or opens a door: give --{} itself where it is wanted.",
    "它会削弱检查或打开入口：需要时请在命令行上直接给出 --{}。",
  ],
];
