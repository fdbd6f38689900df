import type { SERVE_CODES } from "../codes/serve.ts";
import type { Wording } from "../code-table.ts";

/** The wording of `SERVE_CODES` in Chinese. */
export const CHINESE_SERVE_CODES: Readonly<Partial<Record<keyof typeof SERVE_CODES, Wording>>> = {
  WB2950: {
    title: "他人可以访问的服务器没有 API 密钥",
    meaning: "--host 给出的地址在本机之外也能访问，任何人都可以使用模型并读到内容。",
    remedy: "把 WEIGHBRIDGE_API_KEY（或 --api-key）设为至少 16 个字符的密钥，或去掉 --host。",
  },
  WB2951: {
    title: "服务器的设置值不被接受",
    meaning: "`serve` 的某个上限、端口或时间超出其范围。",
    remedy: "阅读消息中可接受的范围；`weighbridge serve --help` 列出它们。",
  },
};
