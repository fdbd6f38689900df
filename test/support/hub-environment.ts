import { vi } from "vitest";

/** Sets the environment so that the hub is a server of the test's, and nothing of the user's is read. `vi.unstubAllEnvs` undoes it. */
export function useHub(origin: string, home: string): void {
  vi.stubEnv("HF_ENDPOINT", origin);
  vi.stubEnv("HF_HOME", home);
  vi.stubEnv("HF_TOKEN", "");
  vi.stubEnv("HF_HUB_OFFLINE", "");
}
