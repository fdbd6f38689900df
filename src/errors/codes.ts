import { CONVERT_CODES } from "./codes/convert.ts";
import { ENDPOINT_CODES } from "./codes/endpoint.ts";
import { EVALUATE_CODES } from "./codes/evaluate.ts";
import { FILE_CODES } from "./codes/file.ts";
import { GENERAL_CODES } from "./codes/general.ts";
import { GGUF_CODES } from "./codes/gguf.ts";
import { MAPPING_CODES } from "./codes/mapping.ts";
import { NATIVE_CODES } from "./codes/native.ts";
import { PADDLE_CODES } from "./codes/paddle.ts";
import { PICKLE_CODES } from "./codes/pickle.ts";
import { PYTORCH_CODES } from "./codes/pytorch.ts";
import { REMOTE_CODES } from "./codes/remote.ts";
import { RUNTIME_CODES } from "./codes/runtime.ts";
import { SAFETENSORS_CODES } from "./codes/safetensors.ts";
import { SERVE_CODES } from "./codes/serve.ts";
import { SHARD_CODES } from "./codes/shards.ts";
import { TOKENIZER_CODES } from "./codes/tokenizer.ts";
import { VERIFY_CODES } from "./codes/verify.ts";
import { ZIP_CODES } from "./codes/zip.ts";

/** Every error code there is. One table per area, so that an area's codes are read together. */
export const ERROR_CODES = {
  ...GENERAL_CODES,
  ...CONVERT_CODES,
  ...ENDPOINT_CODES,
  ...EVALUATE_CODES,
  ...FILE_CODES,
  ...GGUF_CODES,
  ...MAPPING_CODES,
  ...NATIVE_CODES,
  ...PADDLE_CODES,
  ...PICKLE_CODES,
  ...PYTORCH_CODES,
  ...REMOTE_CODES,
  ...RUNTIME_CODES,
  ...SAFETENSORS_CODES,
  ...SERVE_CODES,
  ...SHARD_CODES,
  ...TOKENIZER_CODES,
  ...VERIFY_CODES,
  ...ZIP_CODES,
} as const;

/** A stable code such as "WB3001"; its first digit decides the exit code. */
export type ErrorCode = keyof typeof ERROR_CODES;
