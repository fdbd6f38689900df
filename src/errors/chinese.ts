import { CHINESE_CONVERT_CODES } from "./chinese/convert.ts";
import { CHINESE_ENDPOINT_CODES } from "./chinese/endpoint.ts";
import { CHINESE_EVALUATE_CODES } from "./chinese/evaluate.ts";
import { CHINESE_FILE_CODES } from "./chinese/file.ts";
import { CHINESE_GENERAL_CODES } from "./chinese/general.ts";
import { CHINESE_GGUF_CODES } from "./chinese/gguf.ts";
import { CHINESE_MAPPING_CODES } from "./chinese/mapping.ts";
import { CHINESE_NATIVE_CODES } from "./chinese/native.ts";
import { CHINESE_PADDLE_CODES } from "./chinese/paddle.ts";
import { CHINESE_PICKLE_CODES } from "./chinese/pickle.ts";
import { CHINESE_PYTORCH_CODES } from "./chinese/pytorch.ts";
import { CHINESE_REMOTE_CODES } from "./chinese/remote.ts";
import { CHINESE_RUNTIME_CODES } from "./chinese/runtime.ts";
import { CHINESE_SAFETENSORS_CODES } from "./chinese/safetensors.ts";
import { CHINESE_SERVE_CODES } from "./chinese/serve.ts";
import { CHINESE_SHARD_CODES } from "./chinese/shards.ts";
import { CHINESE_TOKENIZER_CODES } from "./chinese/tokenizer.ts";
import { CHINESE_VERIFY_CODES } from "./chinese/verify.ts";
import { CHINESE_ZIP_CODES } from "./chinese/zip.ts";
import type { Wording } from "./code-table.ts";
import type { ErrorCode } from "./codes.ts";

/** What `explain` says of each code, in Chinese; a test asks for each. */
export const CHINESE_WORDING: Readonly<Partial<Record<ErrorCode, Wording>>> = {
  ...CHINESE_CONVERT_CODES,
  ...CHINESE_ENDPOINT_CODES,
  ...CHINESE_EVALUATE_CODES,
  ...CHINESE_FILE_CODES,
  ...CHINESE_GENERAL_CODES,
  ...CHINESE_GGUF_CODES,
  ...CHINESE_MAPPING_CODES,
  ...CHINESE_NATIVE_CODES,
  ...CHINESE_PADDLE_CODES,
  ...CHINESE_PICKLE_CODES,
  ...CHINESE_PYTORCH_CODES,
  ...CHINESE_REMOTE_CODES,
  ...CHINESE_RUNTIME_CODES,
  ...CHINESE_SAFETENSORS_CODES,
  ...CHINESE_SERVE_CODES,
  ...CHINESE_SHARD_CODES,
  ...CHINESE_TOKENIZER_CODES,
  ...CHINESE_VERIFY_CODES,
  ...CHINESE_ZIP_CODES,
};
