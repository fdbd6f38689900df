import { join } from "node:path";
import { launch, type Browser, type Page } from "puppeteer-core";
import { madeBy } from "./own-environment.ts";

/** Headless Chromium, fetched by its script where it is missing; its opener closes it. */
export function openBrowser(): Promise<Browser> {
  const folder = madeBy("chromium.mjs");
  return launch({
    executablePath: join(folder, "chromium"),
    headless: "shell",
    args: ["--no-sandbox", "--no-zygote", "--single-process", "--disable-gpu"],
    env: {
      ...process.env,
      LD_LIBRARY_PATH: `${join(folder, "lib")}:${folder}`,
      FONTCONFIG_FILE: join(folder, "fonts.conf"),
    },
  });
}

export interface WatchedPage {
  readonly page: Page;
  /** Addresses that it asked for, its own included. */
  readonly asked: string[];
  /** What went wrong in it. */
  readonly wrong: string[];
}

/** Opens a page, and watches what it asks for and what goes wrong in it. */
export async function openPage(
  browser: Browser,
  url: string,
  scheme: "light" | "dark",
  width: number,
): Promise<WatchedPage> {
  const page = await browser.newPage();
  const asked: string[] = [];
  const wrong: string[] = [];
  page.on("request", (request) => asked.push(request.url()));
  page.on("pageerror", (error) => wrong.push(String(error)));
  page.on("console", (message) => wrong.push(message.text()));
  await page.setViewport({ width, height: 800 });
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  await page.goto(url);
  return { page, asked, wrong };
}
