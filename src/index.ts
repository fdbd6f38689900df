export { ERROR_CODES, type ErrorCode } from "./errors/codes.ts";
export { WbError, type ErrorDetails } from "./errors/wb-error.ts";
