import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser, Page } from "puppeteer-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openBrowser, openPage, type WatchedPage } from "../support/browser.ts";
import { runCli } from "../support/cli.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";

const work = mkdtempSync(join(tmpdir(), "weighbridge-report-"));
const report = join(work, "report.html");

let browser: Browser;
beforeAll(async () => {
  browser = await openBrowser();
  const golden = join(FIXTURES, "goldens/f16.safetensors");
  const { status } = runCli(
    "verify",
    join(FIXTURES, "pytorch-bf16"),
    join(FIXTURES, "internlm-tiny"),
    "--golden",
    golden,
    "--report",
    report,
  );
  expect(status).toBe(1);
});
afterAll(async () => {
  await browser.close();
  rmSync(work, { recursive: true, force: true });
});

/** Opens the report. */
const opened = (scheme: "light" | "dark", width: number): Promise<WatchedPage> =>
  openPage(browser, pathToFileURL(report).href, scheme, width);

/** What an expression in the page is: a list of numbers. */
async function numbers(page: Page, expression: string): Promise<readonly number[]> {
  const value: unknown = await page.evaluate(expression);
  if (!Array.isArray(value)) throw new Error(`no list: ${JSON.stringify(value)}`);
  return value.map(Number);
}

/** Relative luminance of sRGB (WCAG 2.2). */
function luminanceOf(colour: readonly number[]): number {
  const [red = 0, green = 0, blue = 0] = colour.map((part) => {
    const share = part / 255;
    return share <= 0.040_45 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

describe("the HTML report in headless Chromium", () => {
  test("loads nothing but itself, and nothing goes wrong in it", async () => {
    const { page, asked, wrong } = await opened("light", 1200);
    expect([asked, wrong]).toEqual([[pathToFileURL(report).href], []]);
    expect(await page.evaluate("document.querySelector('h1').textContent")).toMatch(/^fail/);
    const charts = await numbers(
      page,
      `Array.from(document.querySelectorAll("svg"), (svg) => svg.getBoundingClientRect().height)`,
    );
    expect(charts.length).toBeGreaterThanOrEqual(3);
    expect(charts.every((height) => height > 100)).toBe(true);
    await page.close();
  });

  test.each([320, 360, 1200])(
    "is no wider than a window of %i pixels, and its text is legible there",
    async (width) => {
      const { page } = await opened("light", width);
      const [scrollWidth] = await numbers(page, "[document.documentElement.scrollWidth]");
      expect(scrollWidth).toBeLessThanOrEqual(width);
      const sizes = await numbers(
        page,
        `Array.from(document.querySelectorAll("p, li, td, th, dd, h1, h2"), (element) =>
        parseFloat(getComputedStyle(element).fontSize))`,
      );
      expect(sizes.length).toBeGreaterThan(20);
      expect(Math.min(...sizes)).toBeGreaterThanOrEqual(14);
      await page.close();
    },
  );

  test("is dark where the reader wants it dark, with enough contrast both ways", async () => {
    const luminance: number[] = [];
    for (const scheme of ["light", "dark"] as const) {
      const { page } = await opened(scheme, 800);
      const colours = await numbers(
        page,
        `[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]
          .flatMap((text) => text.match(/\\d+/g).slice(0, 3).map(Number))`,
      );
      const [paper, ink] = [luminanceOf(colours.slice(0, 3)), luminanceOf(colours.slice(3))];
      luminance.push(paper);
      const [low, high] = [Math.min(paper, ink), Math.max(paper, ink)];
      // WCAG 2, level AAA.
      expect((high + 0.05) / (low + 0.05)).toBeGreaterThan(7);
      await page.close();
    }
    expect(luminance[0]).toBeGreaterThan(0.9);
    expect(luminance[1]).toBeLessThan(0.05);
  });
});
