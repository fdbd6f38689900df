export * from "./library/convert.ts";
export * from "./library/formats.ts";
export * from "./library/runtime.ts";
export * from "./library/verify.ts";
export { explain, explainAll, type Explanation } from "./api/explain.ts";
export { ERROR_CODES, type ErrorCode } from "./errors/codes.ts";
export type { ErrorDetails } from "./errors/details.ts";
export { WbError } from "./errors/wb-error.ts";
export { renderSarif } from "./api/render-sarif.ts";
export { doctor, type DoctorCheck, type DoctorDevice, type DoctorReport } from "./api/doctor.ts";
export {
  installNative,
  nativeStatus,
  removeNative,
  type InstalledNative,
  type InstallNativeOptions,
  type NativePackageStatus,
  type NativeStatus,
} from "./api/native.ts";
export { demo, type DemoOptions, type DemoResult, type DemoStep } from "./api/demo.ts";
export {
  startServer,
  type RunningServer,
  type ServeOptions,
  type StoppedServer,
} from "./api/serve.ts";
export type { DetectedFormat } from "./formats/detect.ts";
export type { NativeDevices } from "./runtime/backends/native/open.ts";
export type { NativeVariant } from "./runtime/backends/native/install/pins.ts";
export type { ServerCounts } from "./serve/server-state.ts";
export type { ScannedGlobal, ScanReason } from "./scan/findings.ts";
export type { FileState } from "./scan/judgement.ts";
