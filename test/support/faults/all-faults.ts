import type { Fault } from "./fault.ts";
import { ORDER_FAULTS } from "./order-faults.ts";
import { PLACE_FAULTS } from "./place-faults.ts";
import { SETTING_FAULTS } from "./setting-faults.ts";
import { VALUE_FAULTS } from "./value-faults.ts";

export const FAULTS: readonly Fault[] = [
  ...ORDER_FAULTS,
  ...PLACE_FAULTS,
  ...VALUE_FAULTS,
  ...SETTING_FAULTS,
];
