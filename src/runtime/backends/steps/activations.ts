import type { Activation } from "../../../model/config/model-config.ts";
import { erfc } from "./erfc.ts";

/** A function of each element by itself. */
export type Pointwise = (x: number) => number;

/** √(2/π) and the cubic term of GELU's approximation (Hendrycks and Gimpel 2016, arXiv 1606.08415, section 2). */
const GELU_SCALE = Math.sqrt(2 / Math.PI);
const GELU_CUBIC = 0.044_715;

/** 0.5 · x · (1 + tanh(√(2/π) · (x + 0.044715 · x³))) */
function geluTanh(x: number): number {
  return 0.5 * x * (1 + Math.tanh(GELU_SCALE * (x + GELU_CUBIC * x * x * x)));
}

/** x · Φ(x), Φ the normal distribution (Hendrycks and Gimpel 2016, arXiv 1606.08415, section 2). */
function gelu(x: number): number {
  return (x / 2) * erfc(-x / Math.SQRT2);
}

function relu(x: number): number {
  return Math.max(0, x);
}

/** (max(0, x))² (So et al. 2021, arXiv 2109.08668, section 3). */
function relu2(x: number): number {
  return relu(x) ** 2;
}

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

/** x · σ(1.702 · x), GELU's other approximation (Hendrycks and Gimpel 2016, section 2). */
function quickGelu(x: number): number {
  return x * sigmoid(1.702 * x);
}

function silu(x: number): number {
  return x * sigmoid(x);
}

export const POINTWISE: Readonly<Record<Activation, Pointwise>> = {
  gelu,
  geluTanh,
  quickGelu,
  relu,
  relu2,
  silu,
};
