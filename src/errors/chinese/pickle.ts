import type { PICKLE_CODES } from "../codes/pickle.ts";
import type { Wording } from "../code-table.ts";

/** The wording of `PICKLE_CODES` in Chinese. */
export const CHINESE_PICKLE_CODES: Readonly<Partial<Record<keyof typeof PICKLE_CODES, Wording>>> = {
  WB3201: {
    title: "pickle 提前结束",
    meaning: "某个操作码或其参数越过文件末尾，或始终没有出现 STOP。",
    remedy: "重新下载或复制文件，并与原文件比较大小。",
  },
  WB3202: {
    title: "不是 pickle 的操作码",
    meaning: "应为操作码的位置上的字节不是操作码。文件已损坏，或不是 pickle。",
    remedy: "重新下载文件；`weighbridge scan` 说明在该字节之前读懂了什么。",
  },
  WB3203: {
    title: "pickle 的栈与操作码不符",
    meaning: "操作码要取的值不存在，或种类不对。Python 的 pickle 模块不会写出这样的文件。",
    remedy: "重新下载文件；两次都失败的文件已损坏，或是手工写成的。",
  },
  WB3205: {
    title: "pickle 取用了从未存入的 memo 条目",
    meaning: "GET 所指的 memo 编号，之前没有 PUT 或 MEMOIZE 存入。",
    remedy: "重新下载文件；两次都失败的文件已损坏，或是手工写成的。",
  },
  WB3206: {
    title: "pickle 中有格式错误的参数",
    meaning: "数字的文本或字符串的字节，不符合该操作码的定义。",
    remedy: "重新下载文件；两次都失败的文件已损坏，或是手工写成的。",
  },
  WB4201: {
    title: "不支持的 pickle 特性",
    meaning: "这个 pickle 需要高于 5 的协议，或需要存放在它之外的缓冲区。",
    remedy: "用框架的默认设置重新保存检查点。",
  },
  WB5201: {
    title: "pickle 中有许可名单之外的全局名",
    meaning:
      "在 Python 中加载这个文件会导入该名字，也许还会调用它。weighbridge 从不这样做，并拒绝该文件：state dict 不需要这样的名字。",
    remedy:
      "不要用 pickle 或 torch.load(weights_only=False) 加载它。`weighbridge scan FILE` 列出其中所有名字；--data-only 只取张量，仍然不调用任何东西。",
  },
  WB5202: {
    title: "pickle 调用了不是普通全局名的对象",
    meaning: "被调用者是另一次调用的结果，或来自 Python 的扩展注册表：恶意载荷就是这样隐藏的。",
    remedy: "不要用 pickle 加载它。`weighbridge scan FILE` 列出其中所有名字。",
  },
  WB5203: {
    title: "pickle 用不是普通字符串的值拼成全局名",
    meaning: "STACK_GLOBAL 从栈中取模块与名字；这里它们不是字符串，从而掩盖了要导入什么。",
    remedy: "不要用 pickle 加载它。`weighbridge scan FILE` 列出其中所有名字。",
  },
  WB5204: {
    title: "pickle 超出正常文件的界限",
    meaning: "操作码更多、嵌套更深或文本更长，超过任何检查点所需：是炸弹。",
    remedy: "如果文件正常，请重新保存为普通的 state dict；否则删除它。",
  },
};
