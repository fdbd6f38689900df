/** Versions and digests of what `native install` fetches; change them together, and run the interop suite. */
export const TFJS_NODE_VERSION = "4.22.0";
export const TENSORFLOW_VERSION = "2.21.0";

/** The wheels are unpacked, not run, so that any interpreter's pip may fetch those of one Python version. */
export const WHEEL_PYTHON = "3.12";

/** One wheel of the package index. */
export interface PinnedWheel {
  readonly name: string;
  readonly version: string;
  readonly sha256: string;
}

/** Which build of native TensorFlow: for the processor alone, or for NVIDIA GPUs too. */
export type NativeVariant = "cpu" | "cuda";

/** What a variant takes on one platform. */
export interface PinnedVariant {
  readonly wheels: readonly PinnedWheel[];
  /** Bytes on disk when all is unpacked, and as much again while it is being done. */
  readonly diskBytes: number;
}

const TENSORFLOW_CUDA: PinnedWheel = {
  name: "tensorflow",
  version: TENSORFLOW_VERSION,
  sha256: "b3b95643c4e70eb925839938fb35cbe142f317ec84af6844ee61513713bb13c0",
};

/** NVIDIA's libraries in versions that TensorFlow 2.21.0 asks for (its extra "and-cuda"). */
const NVIDIA: readonly PinnedWheel[] = [
  [
    "nvidia-cublas-cu12",
    "12.9.3.13",
    "d7d51055f161b317c7105ddaae90e71eda059026074ffef93cf7cde2886bfe72",
  ],
  [
    "nvidia-cuda-cupti-cu12",
    "12.8.90",
    "ea0cb07ebda26bb9b29ba82cda34849e73c166c18162d3913575b0c9db9a6182",
  ],
  [
    "nvidia-cuda-nvcc-cu12",
    "12.9.86",
    "5d6a0d32fdc7ea39917c20065614ae93add6f577d840233237ff08e9a38f58f0",
  ],
  [
    "nvidia-cuda-nvrtc-cu12",
    "12.9.86",
    "210cf05005a447e29214e9ce50851e83fc5f4358df8b453155d5e1918094dcb4",
  ],
  [
    "nvidia-cuda-runtime-cu12",
    "12.9.79",
    "25bba2dfb01d48a9b59ca474a1ac43c6ebf7011f1b0b8cc44f54eb6ac48a96c3",
  ],
  [
    "nvidia-cudnn-cu12",
    "9.28.0.42",
    "9ff58b7f36dacd0a93e89f8f2957b52466889217963701daa15e577317cfa375",
  ],
  [
    "nvidia-cufft-cu12",
    "11.4.1.4",
    "c67884f2a7d276b4b80eb56a79322a95df592ae5e765cf1243693365ccab4e28",
  ],
  [
    "nvidia-curand-cu12",
    "10.3.10.19",
    "49b274db4780d421bd2ccd362e1415c13887c53c214f0d4b761752b8f9f6aa1e",
  ],
  [
    "nvidia-cusolver-cu12",
    "11.7.5.82",
    "15da72d1340d29b5b3cf3fd100e3cd53421dde36002eda6ed93811af63c40d88",
  ],
  [
    "nvidia-cusparse-cu12",
    "12.5.10.65",
    "73060ce019ac064a057267c585bf1fd5a353734151f87472ff02b2c5c9984e78",
  ],
  [
    "nvidia-nccl-cu12",
    "2.32.3",
    "bb94b2348e4861d5e8aa00b36c3d12d9bdf9c6369b82cbb723de0b582280a21c",
  ],
  [
    "nvidia-nvjitlink-cu12",
    "12.9.86",
    "e3f1171dbdc83c5932a45f0f4c99180a70de9bd2718c1ab77d14104f6d7147f9",
  ],
].map(([name = "", version = "", sha256 = ""]) => ({ name, version, sha256 }));

/** By platform and architecture of Node, then by variant. */
const PINS: ReadonlyMap<string, Readonly<Partial<Record<NativeVariant, PinnedVariant>>>> = new Map([
  [
    "linux-x64",
    {
      cpu: {
        wheels: [
          {
            name: "tensorflow-cpu",
            version: TENSORFLOW_VERSION,
            sha256: "dcc8afd32930e42d5296b6ee19078b773706830af4ea97fbe503b9f5e0f820cb",
          },
        ],
        diskBytes: 2.5e9,
      },
      cuda: { wheels: [TENSORFLOW_CUDA, ...NVIDIA], diskBytes: 9e9 },
    },
  ],
  [
    "linux-arm64",
    {
      cpu: {
        wheels: [
          {
            name: "tensorflow",
            version: TENSORFLOW_VERSION,
            sha256: "b07d15737406533898e36c7ef7944b1be18e9028dc521b9229952c537bbc5552",
          },
        ],
        diskBytes: 2.5e9,
      },
    },
  ],
]);

/** The pins of a variant on a platform, or undefined where there are none. */
export function pinsOf(platform: string, variant: NativeVariant): PinnedVariant | undefined {
  return PINS.get(platform)?.[variant];
}

/** Tags under which the wheels were published, newest first. */
export function wheelPlatforms(architecture: string): readonly string[] {
  const machine = architecture === "arm64" ? "aarch64" : "x86_64";
  return ["manylinux_2_28", "manylinux_2_27", "manylinux_2_17", "manylinux2014", "manylinux1"].map(
    (tag) => `${tag}_${machine}`,
  );
}
