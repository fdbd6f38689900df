import type { ZIP_CODES } from "../codes/zip.ts";
import type { Wording } from "../code-table.ts";

/** The wording of `ZIP_CODES` in Chinese. */
export const CHINESE_ZIP_CODES: Readonly<Partial<Record<keyof typeof ZIP_CODES, Wording>>> = {
  WB3101: {
    title: "归档的目录缺失或损坏",
    meaning: "zip 以一条指向目录的记录结尾。它不存在、自相矛盾，或指向文件之外：通常是下载被截断。",
    remedy: "重新下载或复制文件，并与原文件比较大小。",
  },
  WB3102: {
    title: "归档的条目自相矛盾",
    meaning: "目录与数据之前的头部不同，两个条目重叠，或有一个在文件之外。",
    remedy: "重新下载文件；对这个文件，各个读取器会得到不同的内容。",
  },
  WB3103: {
    title: "归档是损坏的 tar 文件",
    meaning: "tar 文件某个头部的校验和或大小有误，或缺少条目。",
    remedy: "重新下载或复制文件，并与原文件比较大小。",
  },
  WB3104: {
    title: "归档记录的校验和错误",
    meaning:
      "zip 保存每条记录的 CRC-32。记录的字节与之不符：传输中有比特翻转，或文件被编辑过。torch.load 不检查这一点。",
    remedy: "重新下载或复制文件。如果它就是原文件，其数值已不是保存时的数值。",
  },
  WB4101: {
    title: "torch.save 从不使用的归档特性",
    meaning: "zip 被加密、用 deflate 之外的方式压缩，或分成几卷。",
    remedy: "解包后用 torch.save 重新保存检查点，或用 `zip -0` 重新打包。",
  },
  WB5101: {
    title: "归档中两个条目同名",
    meaning: "各个读取器取用的不是同一个，恶意载荷就这样躲过扫描。",
    remedy: "不要加载这个文件。",
  },
  WB5103: {
    title: "越出文件夹的成员",
    meaning: "归档用绝对路径或 .. 命名成员，解包的程序会写到别处。",
    remedy: "不要解包或加载这个文件。",
  },
  WB5102: {
    title: "膨胀得离谱的记录",
    meaning: "某条压缩记录声称的长度超过其字节数的 200 倍。权重不会这样压缩，炸弹才会。",
    remedy: "如果文件可信（零值可以这样压缩），解包后用 `zip -0` 重新打包。",
  },
};
