import { join } from "node:path";
import type { Browser, Page } from "puppeteer-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunningServer } from "../../src/api/serve.ts";
import { openBrowser, openPage, type WatchedPage } from "../support/browser.ts";
import { served, TINY } from "../support/served.ts";

let browser: Browser;
let server: RunningServer;
beforeAll(async () => {
  browser = await openBrowser();
  server = await served({ template: "internlm-2023-07" }, [TINY, TINY]);
});
afterAll(async () => {
  await browser.close();
  await server.stop();
});

async function opened(scheme: "light" | "dark", width: number): Promise<WatchedPage> {
  const watched = await openPage(browser, server.url, scheme, width);
  await watched.page.waitForSelector("#send:not([disabled])");
  return watched;
}

/** Asks, and waits until both models have answered. */
async function ask(page: Page, question: string): Promise<void> {
  await page.type("#question", question);
  await page.click("#send");
  await page.waitForSelector(".token");
  await page.waitForSelector("#stop[disabled]");
}

function pathOf(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (inner, key) =>
      typeof inner === "object" && inner !== null ? Reflect.get(inner, key) : undefined,
    value,
  );
}

const titleOf = (page: Page): Promise<unknown> =>
  page.evaluate("document.getElementById('token-title').textContent");

describe("the page of the server in headless Chromium", () => {
  test.each([
    ["light", 1200],
    ["dark", 1200],
    ["light", 360],
  ] as const)(
    "streams two answers and marks where they differ: %s, %i pixels",
    async (scheme, width) => {
      const { page, asked, wrong } = await opened(scheme, width);
      // Drawn with seeds of their own, so that two answers differ.
      await page.evaluate("document.getElementById('temperature').value = '2'");
      const marks = (): Promise<number> => page.$$eval(".first-difference", ({ length }) => length);
      // One drawn answer may be the beginning of the other, which then differs in no token that both have.
      let asks = 0;
      for (; asks < 8 && (await marks()) < 2; asks++) {
        // The small model has no room for a second question behind the first.
        if (asks > 0) await page.click("#clear");
        await ask(page, "hello <b>you</b>");
      }
      expect(wrong).toEqual([]);
      expect(asked.filter((url) => !url.startsWith(server.url) && url !== "data:,")).toEqual([]);
      expect(await page.$$eval(".model", (boxes) => boxes.length)).toBe(2);
      expect(await page.$$eval(".model b", (found) => found.length)).toBe(0);
      expect(await marks()).toBe(2);
      await page.click(".token");
      expect(await page.$$eval("#token-rows tr", (rows) => rows.length)).toBe(5);
      const wide = Number(await page.evaluate("document.documentElement.scrollWidth"));
      expect(wide).toBeLessThanOrEqual(width);
      const folder = process.env["WEIGHBRIDGE_SCREENSHOTS"];
      if (folder !== undefined)
        await page.screenshot({ path: join(folder, `${scheme}-${width}.png`), fullPage: true });
      await page.close();
    },
  );

  test("sends by Enter, and begins a line by Shift+Enter", async () => {
    const { page } = await opened("light", 800);
    await page.focus("#question");
    await page.keyboard.type("one");
    await page.keyboard.down("Shift");
    await page.keyboard.press("Enter");
    await page.keyboard.up("Shift");
    await page.keyboard.type("two");
    expect(await page.$$eval(".turn", ({ length }) => length)).toBe(0);
    await page.keyboard.press("Enter");
    await page.waitForSelector(".token");
    expect(await page.evaluate("document.querySelector('.turn').textContent")).toBe("youone\ntwo");
    await page.close();
  });

  test("an answer is one stop of the tab key, its tokens are walked through by arrows", async () => {
    const { page } = await opened("light", 800);
    await ask(page, "hello");
    expect(await page.$$eval(".token[tabindex='0']", ({ length }) => length)).toBe(0);
    await page.focus(".turn[tabindex='0']");
    await page.keyboard.press("ArrowRight");
    expect(await titleOf(page)).toBe("Token 1");
    await page.keyboard.press("ArrowRight");
    expect(await titleOf(page)).toBe("Token 2");
    // Both models' tokens at this place.
    expect(await page.$$eval("#token-models th", ({ length }) => length)).toBe(2);
    expect(await page.$$eval("#token-rows tr:first-child td", ({ length }) => length)).toBe(4);
    await page.close();
  });

  test("shows the bytes of an answer once, also where a character takes several tokens", async () => {
    const { page } = await opened("light", 800);
    let dots = 0;
    for (const question of ["hello", "é 中 😀", "one two three"]) {
      await page.evaluate("document.getElementById('temperature').value = '0'");
      await ask(page, question);
      const shown = String(
        await page.evaluate(
          "[...document.querySelector('.model').querySelectorAll('.turn')].at(-1).textContent",
        ),
      );
      const model = String(await page.evaluate("document.querySelector('.model h2').textContent"));
      const reply = await fetch(`${server.url}/v1/chat/completions`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({
          model,
          temperature: 0,
          max_tokens: Number(await page.evaluate("document.getElementById('limit').value")),
          messages: [{ role: "user", content: question }],
        }),
      });
      const answer = pathOf(await reply.json(), ["choices", "0", "message", "content"]);
      // A token whose character is not whole yet is a dot.
      expect(shown.replaceAll("·", "")).toBe(`model${String(answer)}`);
      dots += shown.split("·").length - 1;
      await page.click("#clear");
    }
    expect(dots).toBeGreaterThan(0);
    await page.close();
  });

  test("stops when told to, and goes on", async () => {
    const { page } = await opened("light", 800);
    await page.type("#question", "hello");
    await page.evaluate(
      "document.getElementById('send').click(); document.getElementById('stop').click()",
    );
    await page.waitForSelector("#stop[disabled]");
    expect(await page.evaluate("document.querySelector('.error').textContent")).toBe(" (stopped)");
    await page.click("#clear");
    await ask(page, "again");
    await page.close();
  });
});
