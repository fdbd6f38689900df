import type { NATIVE_CODES } from "../codes/native.ts";
import type { Wording } from "../code-table.ts";

/** The wording of `NATIVE_CODES` in Chinese. */
export const CHINESE_NATIVE_CODES: Readonly<Partial<Record<keyof typeof NATIVE_CODES, Wording>>> = {
  WB6101: {
    title: "这个平台没有原生 TensorFlow",
    meaning:
      "固定版本的构建适用于 x86-64 上的 Linux（CPU 与 CUDA）和 arm64 上的 Linux（CPU）。其他平台，这个版本不知道有可用的构建。",
    remedy: "使用 --device wasm，它不需要任何东西；或使用 Linux 机器。",
  },
  WB6102: {
    title: "需要带 pip 的 Python，但没有找到",
    meaning: "TensorFlow 的库以 Python wheel 发布，由 pip 取得。之后不再需要 Python。",
    remedy: "安装 python3 与 pip（Debian：apt install python3-pip），或用 --python 指定。",
  },
  WB6103: {
    title: "需要 C++ 编译器，但没有找到",
    meaning: "连接 Node 与 TensorFlow 的插件在本机编译。",
    remedy: "安装 g++ 或 clang++（Debian：apt install g++），或用环境变量 CXX 指定。",
  },
  WB6104: {
    title: "pip 无法取得 TensorFlow 的 wheel",
    meaning: "下载失败，或得到的文件与固定的 sha256 不符而被拒绝。",
    remedy: "检查网络与 pip 的源设置，然后重新运行命令。",
  },
  WB6105: {
    title: "npm 无法取得 TensorFlow.js 包",
    meaning: "按固定的锁文件运行 `npm ci` 失败。没有运行任何包的脚本。",
    remedy: "检查网络与 npm 的 registry 设置，然后重新运行命令。",
  },
  WB6106: {
    title: "插件编译失败",
    meaning: "编译器拒绝了插件的源码，或无法与 TensorFlow 链接。",
    remedy: "阅读编译器的消息；g++ 9 或 clang 10，支持 C++17 即可。",
  },
  WB6107: {
    title: "原生 TensorFlow 无法加载",
    meaning: "插件存在，但无法加载，或没有提供所需的功能：系统库不同，或文件夹已损坏。",
    remedy: "运行 `weighbridge native remove`，再运行 `weighbridge native install`。",
  },
};
