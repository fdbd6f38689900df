export { check, type CheckOptions, type CheckResult } from "./api/check.ts";
export {
  convert,
  type ConvertedTensor,
  type ConvertOptions,
  type ConvertResult,
  type PartsStep,
} from "./api/convert.ts";
export { explain, explainAll, type Explanation } from "./api/explain.ts";
export {
  inspect,
  type InspectOptions,
  type InspectedTensor,
  type Inspection,
} from "./api/inspect.ts";
export { ERROR_CODES, type ErrorCode } from "./errors/codes.ts";
export { WbError, type ErrorDetails } from "./errors/wb-error.ts";
export { logits, type LogitsOptions, type LogitsResult, type PositionTop } from "./api/logits.ts";
export type { Prompt } from "./api/prompts.ts";
export { openRuntime, type Runtime, type RuntimeOptions } from "./api/open-runtime.ts";
export {
  generateIds,
  type GeneratedId,
  type GenerateIdsOptions,
} from "./runtime/generation/generate-ids.ts";
export { scan, type ScanOptions, type ScanResult } from "./api/scan.ts";
export { renderSarif } from "./api/render-sarif.ts";
export { doctor, type DoctorCheck, type DoctorDevice, type DoctorReport } from "./api/doctor.ts";
export {
  installNative,
  nativeStatus,
  removeNative,
  type InstalledNative,
  type InstallNativeOptions,
  type NativeStatus,
} from "./api/native.ts";
export { diff, type DiffedTensor, type DiffModelsOptions, type DiffResult } from "./api/diff.ts";
export { generate, type GenerateOptions, type GenerateResult } from "./api/generate.ts";
export {
  openGenerator,
  type GeneratedText,
  type Generation,
  type GenerationRequest,
  type GenerationStep,
  type Generator,
  type GeneratorCapacity,
  type GeneratorModel,
  type GeneratorOptions,
} from "./api/generator.ts";
export {
  goldenScript,
  recordGolden,
  type RecordedGolden,
  type RecordGoldenOptions,
} from "./api/golden.ts";
export { verify, type Comparison, type VerifyOptions, type VerifyResult } from "./api/verify.ts";
export { writeReports, type ReportPaths } from "./api/reports.ts";
export { demo, type DemoOptions, type DemoResult, type DemoStep } from "./api/demo.ts";
export type { SumFacts } from "./api/manifest.ts";
export type { GenerateChatOptions } from "./api/generate.ts";
export type { NativePackageStatus } from "./api/native.ts";
export type { DetectedFormat } from "./checkpoint/detect.ts";
export type { ScannedGlobal, ScanReason } from "./checkpoint/scan-file.ts";
export type { WbErrorOptions } from "./errors/wb-error.ts";
export type { NativeDevices } from "./runtime/native-open.ts";
export type { NativeVariant } from "./runtime/native-pins.ts";
export type { ComputeDtype, DeviceKind } from "./runtime/ops.ts";
export type { CheckpointFormat } from "./tensor/table.ts";
export type { DiffClass } from "./verify/diff-checkpoints.ts";
export type { PromptMetrics } from "./verify/metrics.ts";
export type { ToleranceProfile } from "./verify/tolerance.ts";
export {
  startServer,
  type RunningServer,
  type ServeOptions,
  type StoppedServer,
} from "./api/serve.ts";
export type { ServerCounts } from "./api/serve/server-state.ts";
