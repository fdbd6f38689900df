import type { CodeTable } from "../code-table.ts";

/** Codes of model configurations, names and layouts (x7xx). */
export const MAPPING_CODES = {
  WB2701: {
    title: "the layout of Linear weights cannot be told",
    meaning:
      "PyTorch stores a Linear weight as [out, in], Paddle as [in, out]. All of this file's weights are square, or it has none, so that their shapes say nothing.",
    remedy:
      "Say it: --source-layout torch or --source-layout paddle. A logits check (`weighbridge verify`) proves it.",
    details: { path: "string" },
  },
  WB2702: {
    title: "an option does not fit the model",
    meaning:
      "An option of the conversion names something that this architecture or format does not have.",
    remedy: "Read the message; `weighbridge convert --help` lists the choices.",
    details: { "path?": "string", "tensor?": "string", "option?": "string" },
  },
  WB2710: {
    title: "the selected part is not in the file",
    meaning: "--select names a path of keys that the file does not have, or that holds no tensors.",
    remedy: "`weighbridge inspect FILE --select .` lists every tensor under its whole path.",
    details: { path: "string", select: "string", choices: "string[]" },
  },
  WB2711: {
    title: "a rule for names is malformed or fits nothing",
    meaning: "--strip-prefix, --rename and --drop each have to fit at least one tensor's name.",
    remedy: "`weighbridge inspect FILE` lists the names; * stands for any characters.",
    details: { option: "string", "value?": "string", "path?": "string" },
  },
  WB2712: {
    title: "two tensors would get one name",
    meaning: "Taking a prefix off, or renaming, leaves two tensors of the file with the same name.",
    remedy: "Choose one part with --select, leave one out with --drop, or rename more exactly.",
    details: { path: "string", tensor: "string" },
  },
  WB2713: {
    title: "whether a tensor is to be transposed cannot be told",
    meaning:
      "The model is not known, so that the layout is decided by evidence: a weight [a, b] beside a bias of b values is Paddle's, beside one of a values torch's; ranks and names tell convolutions, tables and recurrent cells. For these tensors nothing speaks.",
    remedy:
      "Say it: --transpose 'NAMES' or --keep 'NAMES' (* stands for any characters), or --source-layout torch or paddle for all Linear weights that show nothing; --architecture none takes everything as it is stored.",
    details: { path: "string", tensors: "string[]" },
  },
  WB2715: {
    title: "nothing that an adapter could hold",
    meaning:
      "A LoRA adapter is extracted from what the weights of Linears differ by between a base and a model that was trained from it. Here none of them differs.",
    remedy:
      "Give the base first and the tuned model second. Where other tensors alone differ, `weighbridge diff` lists them; an adapter is no form for them.",
    details: { path: "string" },
  },
  WB2703: {
    title: "it cannot be told how a delta is to be added",
    meaning:
      "The published scripts add weights in different dtypes and fill the rows of new words differently. Which one a delta was made for is told from its dtype: FastChat's (Vicuna) are F16, Alpaca's F32; this one is neither.",
    remedy:
      "Say it: --delta-recipe fastchat or --delta-recipe alpaca, and --delta-dtype where the weights were added in another dtype.",
    details: { path: "string" },
  },
  WB2704: {
    title: "names of a program of Paddle's for weights that are not Paddle's",
    meaning:
      "--for says which program of Paddle's is to read the weights, and these are not for Paddle.",
    remedy: "Add --to paddle, or leave --for out.",
    details: { writer: "string" },
  },
  WB2709: {
    title: "a LoRA adapter was given as a delta",
    meaning:
      "A delta holds a whole matrix for each of the base's weights. An adapter (adapter_config.json, lora_A and lora_B) holds two narrow factors for some of them, with a scale beside; added as they are, they would be nonsense.",
    remedy: "Give it as --lora, which merges it into its base as peft's merge_and_unload does.",
    details: { path: "string", tensor: "string" },
  },
  WB3701: {
    title: "the model's configuration is damaged",
    meaning:
      "config.json is not a JSON object, lacks a field that the architecture needs, or contradicts itself.",
    remedy: "Compare config.json with the one the model was published with.",
    details: { path: "string", "expected?": "string", "found?": "string", "field?": "string" },
  },
  WB3702: {
    title: "the tensors are not those of the model",
    meaning: "Names are unknown or missing, or shapes are not those that config.json asks for.",
    remedy:
      "Check that config.json belongs to these weights; `--architecture none` converts them as stored.",
    details: {
      path: "string",
      unknown: "string[]",
      missing: "string[]",
      shape: "string[]",
      repeated: "string[]",
    },
  },
  WB3703: {
    title: "the tensors disagree about the layout of Linear weights",
    meaning:
      "Some weights have the shape [out, in] of PyTorch, others [in, out] of Paddle; one file has one layout.",
    remedy:
      "The file was put together from two sources, or some weights were transposed by mistake: convert the original again.",
    details: { path: "string", torch: "string[]", paddle: "string[]" },
  },
  WB3704: {
    title: "the parallel parts do not fit together",
    meaning:
      "A rank of a tensor- or pipeline-parallel checkpoint is missing, or its part has another shape than its place asks for.",
    remedy: "Put all parts of the checkpoint into one folder.",
    details: { path: "string", "tensor?": "string" },
  },
  WB3705: {
    title: "there is no config.json",
    meaning: "The model's dimensions are not known without it.",
    remedy: "Put the model's config.json beside its weights, or use `--architecture none`.",
    details: { path: "string" },
  },
  WB3706: {
    title: "the delta does not belong to this base",
    meaning:
      "Base and delta must have the same tensors in the same shapes; only the tables of words may be longer in the delta.",
    remedy: "Check the size and the version of both models; a delta fits one base only.",
    details: { path: "string" },
  },
  WB3707: {
    title: "two names of one parameter with different values",
    meaning:
      "Paddle's recurrent networks save every parameter twice, under the network's name and under its cell's, and a map says of tied tensors that one stands for both. Only one can be kept, and here the two differ, so that one of them would be lost.",
    remedy:
      "Find out which is right and leave the other out with --drop; --architecture none keeps both as stored.",
    details: { tensors: "string[]" },
  },
  WB3708: {
    title: "stored rotary frequencies contradict the configuration",
    meaning:
      "The file holds inv_freq, the frequencies that rotary positions were computed with when it was saved, and config.json gives others. They have no effect on what loads the model, so that it computes other positions than the one that was saved.",
    remedy:
      "Find out which is right: usually rope_scaling or rope_theta is missing or wrong in config.json. The message says what the stored ones would be.",
    details: {},
  },
  WB3709: {
    title: "the parts of a quantised matrix do not fit together",
    meaning:
      "Codes, scales, zeros and tables of a quantised matrix belong together in number and shape; here one is missing or has another shape.",
    remedy: "Compare the file with the original; `--architecture none` copies it exactly as it is.",
    details: { tensor: "string" },
  },
  WB3710: {
    title: "the adapter does not belong to this base",
    meaning:
      "An adapter of PEFT has adapter_config.json with rank and scaling beside its factors, and names modules of its base; here one of them is missing, damaged, or of another shape.",
    remedy: "Check that base and adapter are of one model, and that adapter_config.json is there.",
    details: { path: "string" },
  },
  WB3711: {
    title: "a damaged map",
    meaning: "The file that --map names is no map, or has a line that is no statement of one.",
    remedy: "Make it anew: `weighbridge match A B --out map.json`.",
    details: { path: "string" },
  },
  WB3712: {
    title: "the map is not of this checkpoint",
    meaning:
      "Every tensor of the source must stand in a statement of the map, and every statement must find its tensors in shapes that fit; otherwise something would be lost without a word.",
    remedy:
      "Make the map from two checkpoints of this very kind, or leave out what does not belong with --drop.",
    details: { path: "string" },
  },
  WB3713: {
    title: "the base of --like does not explain every tensor",
    meaning:
      "Every tensor of the source must be one of the base's, as it is, transposed, joined, split or in another order, with values that go together as those of a model trained further do with its base. Here some have no counterpart, so that nothing is written.",
    remedy:
      "Give the very model that the source was trained from, or leave out with --drop what is not of the model (it is taken off both sides).",
    details: { path: "string", tensors: "string[]" },
  },
  WB3715: {
    title: "the two checkpoints are no two versions of one model",
    meaning:
      "Both need the same tensors in the same shapes, of numbers that are finite: what one differs from the other by is to be written.",
    remedy:
      "Give the very model that the other was trained from. --drop leaves tensors out of both; where only names or layout differ, `convert --like BASE` brings the tuned model to the base's form first.",
    details: { path: "string" },
  },
  WB3714: {
    title: "config.json and the tensors name different heads",
    meaning:
      "Models on BERT, RoBERTa and ERNIE differ in what stands on the states: logits of masked tokens, classes, starts and ends, or nothing. The class in config.json says one of them, and the tensors are those of another, or could be those of several. transformers and PaddleNLP would draw the missing head at random and say so in a warning.",
    remedy:
      'Put the config.json of these very weights beside them, or set "architectures" to the class that the message names.',
    details: { path: "string", "expected?": "string", found: "string" },
  },
  WB4705: {
    title: "an adapter of a kind that is not merged",
    meaning:
      "LoRA is merged, with rank-stabilised scaling, patterns of ranks and alphas, and tensors saved whole; DoRA, biases of LoRA's own, adapters of convolutions and of other methods are not.",
    remedy: "Merge it with peft's merge_and_unload, and convert the result.",
    details: { path: "string" },
  },
  WB4708: {
    title: "changes that an adapter's factors do not hold",
    meaning:
      "Factors of low rank change the weights of Linears. Norms, biases, embeddings, routers and other tensors that training changed, too, are no matrices of that kind, and an adapter without their changes would not be the tuned model.",
    remedy:
      "--rest save puts the tensors whole into the adapter (PEFT's modules_to_save and its biases); --rest leave leaves their changes out and lists them.",
    details: { path: "string", tensors: "string[]" },
  },
  WB4706: {
    title: "quantised weights of a variant whose values are not computed",
    meaning:
      "--dequantize knows FP8 and INT8 with scales, compressed-tensors' packed codes, MXFP4, GPTQ, AWQ (gemm) and bitsandbytes in 8 and 4 bits; this matrix is stored in another way.",
    remedy: "Dequantise it with the library that made it; `--architecture none` copies it exactly.",
    details: { "tensor?": "string", "path?": "string" },
  },
  WB4707: {
    title: "an encoder was asked to generate",
    meaning:
      "BERT, RoBERTa and ERNIE see the tokens on both sides of each, for a masked token or for classes of a text. They do not continue one.",
    remedy: "`weighbridge logits MODEL` gives the logits at each token; `verify` compares them.",
    details: { path: "string", architecture: "string" },
  },
  WB4703: {
    title: "quantised weights",
    meaning:
      "The matrices are stored as codes with scales (GPTQ, AWQ, FP8, bitsandbytes, compressed-tensors). They are recognised; their values are computed on request.",
    remedy:
      "`weighbridge convert SRC DST --dequantize BF16` (or F16, F32) writes the values, for `verify`, `generate` and the others; --architecture none copies the files exactly, codes and scales.",
    details: { path: "string" },
  },
  WB4704: {
    title: "a layout that this model has not",
    meaning: "The program named by --for has no class for this model, or its layout is not known.",
    remedy: "Leave --for out, or name one of the programs that the message lists.",
    details: { writer: "string", known: "string[]" },
  },
  WB4701: {
    title: "an architecture that is not supported",
    meaning: "weighbridge has no description of this model family.",
    remedy:
      "`--architecture none` converts the tensors as stored, without renaming or transposing.",
    details: { path: "string", architecture: "string", "nearest?": "string" },
  },
  WB4702: {
    title: "a configuration that is not supported",
    meaning:
      "The family is known, but this setting of config.json changes the model in a way that is not implemented.",
    remedy: "`--architecture none` converts the tensors as stored.",
    details: { path: "string", field: "string" },
  },
} as const satisfies CodeTable;
