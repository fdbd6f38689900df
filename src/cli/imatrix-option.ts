/** The option by which `prove` and `verify` are given an importance matrix. */
export const IMATRIX_OPTION = {
  type: "string",
  describe: "the importance matrix that the file was made with: .dat or .gguf",
} as const;
