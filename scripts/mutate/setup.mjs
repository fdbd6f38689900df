// A mutant needs one counterexample, not the smallest one; the same draws in every run, so that none is noticed by luck alone.
import fc from "fast-check";

fc.configureGlobal({ endOnFailure: true, seed: 20_261_128 });
