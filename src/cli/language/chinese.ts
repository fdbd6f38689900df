import { CHINESE_WORDING } from "../../errors/chinese.ts";
import { ERROR_CODES } from "../../errors/codes.ts";
import { CHINESE_EVIDENCE } from "./chinese-evidence.ts";
import { CHINESE_HELP } from "./chinese-help.ts";
import { CHINESE_HINTS } from "./chinese-hints.ts";
import { CHINESE_MESSAGES } from "./chinese-messages.ts";
import { CHINESE_NOTES } from "./chinese-notes.ts";
import { CHINESE_RESULTS } from "./chinese-results.ts";
import type { Speech } from "./speech.ts";
import { translator } from "./translate.ts";

const translated = translator([
  ...CHINESE_MESSAGES,
  ...CHINESE_RESULTS,
  ...CHINESE_NOTES,
  ...CHINESE_EVIDENCE,
  ...CHINESE_HINTS,
]);

export const CHINESE: Speech = {
  language: "zh",
  help: (english) => CHINESE_HELP[english] ?? english,
  text: translated,
  wording: (code) => CHINESE_WORDING[code] ?? ERROR_CODES[code],
  error: (code, message, hint) => {
    const { title, remedy } = CHINESE_WORDING[code] ?? ERROR_CODES[code];
    // A remedy for this command line is told where it is known; the code's own otherwise.
    const own = hint === ERROR_CODES[code].remedy ? remedy : translated(hint);
    return `错误 ${code}：${title}\n  ${translated(message)}\n  ${own}\n  （weighbridge explain ${code}）\n`;
  },
};
