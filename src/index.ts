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
export type { Prompt } from "./session/prompts.ts";
export { openRuntime, type Runtime, type RuntimeOptions } from "./session/open-runtime.ts";
export {
  generateIds,
  type GeneratedId,
  type GenerateIdsOptions,
} from "./runtime/generation/generate-ids.ts";
export { scan, type ScannedFile, type ScanOptions, type ScanResult } from "./api/scan.ts";
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
export { diff, type DiffedTensor, type DiffModelsOptions, type DiffResult } from "./verify/diff.ts";
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
} from "./session/generator.ts";
export {
  goldenScript,
  recordGolden,
  type RecordedGolden,
  type RecordGoldenOptions,
} from "./verify/golden/record.ts";
export { verify, type Comparison, type VerifyOptions, type VerifyResult } from "./verify/run.ts";
export { writeReports, type ReportPaths } from "./verify/report/reports.ts";
export { demo, type DemoOptions, type DemoResult, type DemoStep } from "./api/demo.ts";
export type { Weakened } from "./options/weakening.ts";
export type { SumFacts } from "./convert/manifest.ts";
export type { GenerateChatOptions } from "./api/generate.ts";
export type { NativePackageStatus } from "./api/native.ts";
export type { DetectedFormat } from "./formats/detect.ts";
export type { ScannedGlobal, ScanReason } from "./scan/findings.ts";
export type { FileState } from "./scan/judgement.ts";
export type { WbErrorOptions } from "./errors/wb-error.ts";
export type { NativeDevices } from "./runtime/backends/native/open.ts";
export type { NativeVariant } from "./runtime/backends/native/install/pins.ts";
export type { ComputeDtype, DeviceKind } from "./runtime/backends/ops.ts";
export type { CheckpointFormat } from "./tensor/table.ts";
export type { DiffClass } from "./verify/compare/diff-checkpoints.ts";
export type { PromptMetrics } from "./verify/compare/metrics.ts";
export type { ToleranceProfile } from "./verify/compare/tolerance.ts";
export {
  startServer,
  type RunningServer,
  type ServeOptions,
  type StoppedServer,
} from "./api/serve.ts";
export type { ServerCounts } from "./serve/server-state.ts";
