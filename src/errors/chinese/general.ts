import type { GENERAL_CODES } from "../codes/general.ts";
import type { Wording } from "../code-table.ts";

/** The wording of `GENERAL_CODES` in Chinese. */
export const CHINESE_GENERAL_CODES: Readonly<Partial<Record<keyof typeof GENERAL_CODES, Wording>>> =
  {
    WB2001: {
      title: "用法错误",
      meaning: "命令行中有未知的命令或选项，或某个选项的值不被接受。",
      remedy: "运行 `weighbridge 命令 --help`。",
    },
    WB2002: {
      title: "命令行之外的设置有误",
      meaning: "weighbridge.config.json 或某个 WEIGHBRIDGE_* 环境变量已损坏，或其值的类型不对。",
      remedy: "运行 `weighbridge config print`，查看每个值来自哪里。",
    },
    WB6001: {
      title: "磁盘空间不足",
      meaning: "目标所在文件系统的剩余空间，少于要写出的文件所需。",
      remedy: "腾出空间，或另选目标文件夹。",
    },
    WB6002: {
      title: "操作系统拒绝了读取或写入",
      meaning: "系统调用失败，原因不在文件内容：权限、配额或磁盘故障。",
      remedy: "按消息中系统给出的原因处理，然后重新运行命令。",
    },
    WB6003: {
      title: "内存不足",
      meaning: "所需内存超过允许使用的内存。",
      remedy:
        "按消息所说提高 --max-memory；否则选用更小的 --compute dtype，或者更少、更短的提示词。",
    },
    WB6004: {
      title: "文件会超过允许的大小",
      meaning:
        "本进程写出的文件有大小限制（`ulimit -f`），或者文件系统不支持更大的文件（FAT 为 4 GiB）。",
      remedy: "提高限制（`ulimit -f unlimited`），或选择另一个文件系统上的文件夹。",
    },
    WB7001: {
      title: "weighbridge 自身的错误",
      meaning: "发生了 weighbridge 的代码认为不可能发生的情况。",
      remedy: "请附上命令、消息与 `--verbose` 的输出，报告此问题。",
    },
    WB9001: {
      title: "已中断",
      meaning: "工作被 Ctrl-C、终止信号或 AbortSignal 停止。没有留下写了一半的文件。",
      remedy: "重新运行即可；`convert --resume` 从停下的地方继续。",
    },
  };
