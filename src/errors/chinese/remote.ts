import type { REMOTE_CODES } from "../codes/remote.ts";
import type { Wording } from "../code-table.ts";

/** The wording of `REMOTE_CODES` in Chinese. */
export const CHINESE_REMOTE_CODES: Readonly<Partial<Record<keyof typeof REMOTE_CODES, Wording>>> = {
  WB2050: {
    title: "不是可以读取的地址",
    meaning:
      "远程文件从 https 地址与 hf:组织/名字@版本 读取；普通 http 只接受本机，地址中不能带密码，因为消息会显示它。",
    remedy:
      "写成 https://主机/路径 或 hf:组织/名字@版本，指单个文件时在后面加上文件路径；令牌放在 HF_TOKEN 中。",
  },
  WB3051: {
    title: "远程文件在读取期间改变了",
    meaning: "服务器给出的大小或实体标签与第一次请求时不同：已读到的内容属于另一个文件。",
    remedy: "重新开始；若文件会变，请固定版本（hf:org/name@COMMIT）。",
  },
  WB3052: {
    title: "自相矛盾的服务器",
    meaning: "服务器的回答不是所要求的范围：字节不同，比所宣布的更多，或大小对不上。",
    remedy: "用其他方式下载文件，并与发布者给出的摘要比较。",
  },
  WB4051: {
    title: "无法给出文件片段的服务器",
    meaning:
      "远程文件只读取需要的部分，这要求服务器回答范围请求（206）；这个服务器只给整个文件，或什么也不给。",
    remedy: "先下载文件，再给出其路径。",
  },
  WB6051: {
    title: "无法连接服务器",
    meaning: "连接失败，或一再中断，或服务器回答了它自己的错误。",
    remedy:
      "检查网络后重试；HF_ENDPOINT 指定另一个 hub，HF_HUB_OFFLINE=1 读取本机 hub 缓存中已有的内容。",
  },
  WB6052: {
    title: "服务器要求访问权限",
    meaning: "模型是私有的或需要申请，或令牌无权访问。",
    remedy: "在模型页面申请访问权限，并设置 HF_TOKEN。",
  },
  WB6053: {
    title: "不在缓存中，且处于离线状态",
    meaning: "设置了 HF_HUB_OFFLINE，因此只读取本机的 hub 缓存，而其中没有这个版本。",
    remedy: "取消 HF_HUB_OFFLINE，或用任何会写入该缓存的工具下载一次模型。",
  },
};
