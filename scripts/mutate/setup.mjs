// A mutant needs one counterexample, not the smallest one.
import fc from "fast-check";

fc.configureGlobal({ endOnFailure: true });
