import type { ENDPOINT_CODES } from "../codes/endpoint.ts";
import type { Wording } from "../code-table.ts";

/** The wording of `ENDPOINT_CODES` in Chinese. */
export const CHINESE_ENDPOINT_CODES: Readonly<
  Partial<Record<keyof typeof ENDPOINT_CODES, Wording>>
> = {
  WB1961: {
    title: "服务器没有给出可以比较的内容",
    meaning:
      "它既没有给出对数概率，也没有给出与所问相符的词元编号，因此什么也没有比较：这不构成结论。",
    remedy:
      "以允许对数概率的方式启动服务器（vLLM：--max-logprobs 5；llama.cpp 与 SGLang 默认就有），或使用支持 `return_token_ids` 的服务器。",
  },
  WB2961: {
    title: "不是服务器的地址",
    meaning:
      "--endpoint 接受 http:// 或 https://，不带用户名、密码、查询或片段；密钥只在连接本机时才经未加密的连接发送。",
    remedy:
      "写成服务器所示的 http://主机:端口/v1，需要密钥时用 https，并以 --api-key-env NAME 给出存放密钥的变量。",
  },
  WB2962: {
    title: "密钥的变量中没有密钥",
    meaning: "--api-key-env 指定一个环境变量；它没有设置，或其内容无法放进 HTTP 头部。",
    remedy: "只为这条命令设置该变量：NAME=… weighbridge verify … --api-key-env NAME。",
  },
  WB2963: {
    title: "服务器有几个模型，或没有所指定的模型",
    meaning: "指的是哪个模型，决定了比较的对象。",
    remedy: "用 --model NAME 指定消息所列的模型之一。",
  },
  WB2964: {
    title: "与服务器比较的设置不成立",
    meaning: "该选项属于 --endpoint，或与它互斥，或提示词没有给回答留下位置。",
    remedy: "阅读消息；`weighbridge verify --help` 列出各选项。",
  },
  WB3961: {
    title: "不是 OpenAI 补全接口的回答",
    meaning:
      "服务器的回答不是 JSON，或缺少字段，或字段类型不对，或与所问矛盾：其中的内容一概不采信。",
    remedy: "检查该地址是否为兼容 OpenAI 的服务器，以及中间有什么。",
  },
  WB3962: {
    title: "服务器把请求引向别处",
    meaning: "它回答了重定向。不会跟随：密钥与提示词只给所指定的地址。",
    remedy: "如果重定向的目标可信，请直接给出该地址。",
  },
  WB3963: {
    title: "没有尽头的回答",
    meaning: "回答比所问能有的任何回答都长。",
    remedy: "检查在该地址作出回答的是什么。",
  },
  WB4961: {
    title: "服务器不做所要求的事",
    meaning: "它拒绝了补全请求的每一种形式，或没有这样的路由。",
    remedy: "阅读消息中它自己的说明；需要 /v1/completions，只有对话接口不够。",
  },
  WB6961: {
    title: "无法连接服务器",
    meaning: "连接失败或中断，或回答没有及时到达，或服务器出错。",
    remedy: "检查它是否在运行、地址是否正确，然后重试。",
  },
  WB6962: {
    title: "服务器要求密钥",
    meaning: "它拒绝了访问（401 或 403）。",
    remedy: "给出存放密钥的变量名：--api-key-env NAME。",
  },
};
