// The page at GET / in a real browser: signs in with a key, asks, reads the streamed answer, looks at every request.
// Started by test_page.py. Elements are found as a person with a screen reader finds them: by role and label.
import assert from "node:assert/strict";
import { test } from "node:test";
import { chromium } from "playwright-core";

const { SLUICE_URL: url, SLUICE_KEY: key, RECITED: recited, CHROMIUM: executablePath, PICTURES: pictures } = process.env;
const origin = new URL(url).origin;
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
test.after(() => browser.close());

async function open(options = {}) {
  const context = await browser.newContext({ viewport: { width: 1200, height: 800 }, ...options });
  const page = await context.newPage();
  const trouble = [], foreign = [];
  page.on("request", (request) => {
    const asked = new URL(request.url());
    if (asked.protocol !== "data:" && asked.origin !== origin) foreign.push(request.url());
  });
  page.on("pageerror", (error) => trouble.push(String(error)));
  page.on("console", (message) => {
    // The browser's own word on the first question, asked before there is a key.
    if (message.text().includes("status of 401")) return;
    if (["error", "warning"].includes(message.type())) trouble.push(message.text());
  });
  await page.addInitScript(() => document.addEventListener("securitypolicyviolation", (event) =>
    console.error(`CSP: ${event.violatedDirective} ${event.blockedURI}`)));
  await page.goto(url);
  return { page, trouble, foreign, close: () => context.close() };
}

const logOf = (page) => page.locator("[role=log], [aria-live=polite]").first();

// With the right key the models appear.
async function signIn(page, secret = key) {
  const field = page.getByLabel("API key");
  await field.fill(secret);
  await field.press("Enter");
  if (secret === key) await page.getByRole("listitem").filter({ hasText: "reciter" }).first().waitFor();
}

async function ask(page, model, text) {
  await page.getByRole("combobox", { name: "Model" }).fill(model);
  await page.getByLabel("Message").fill(text);
  await page.getByRole("button", { name: "Send" }).click();
}

test("the chat box streams an answer and says who, how soon and how fast", async () => {
  const { page, trouble, foreign, close } = await open();
  await signIn(page);
  await ask(page, "reciter", "Recite, please");
  const log = logOf(page);
  await log.getByText(recited).waitFor();
  await page.getByText(/tokens?\/s/).first().waitFor();
  const said = await page.locator("body").innerText();
  assert.match(said, /Recite, please/);
  assert.match(said, /reciter · device/, "the list of models says who answers");
  assert.match(said, /\d\s*(ms|s)\b/);
  assert.match(said, /tokens?\/s/);
  assert.deepEqual(foreign, [], "a request left for another host");
  assert.deepEqual(trouble, []);
  await close();
});

test("a long answer grows on the page before it is over, and can be stopped", async () => {
  const { page, trouble, close } = await open();
  await signIn(page);
  await ask(page, "endless", "Go on");
  const log = logOf(page);
  await page.waitForFunction((element) => element.innerText.length > 200, await log.elementHandle());
  await page.getByRole("button", { name: "Stop" }).click();
  await page.getByRole("button", { name: "Send" }).and(page.locator(":enabled")).waitFor();
  const length = (await log.innerText()).length;
  assert.ok(length > 200);
  assert.deepEqual(trouble, []);
  await close();
});

test("a wrong key is told in words, and the page recovers", async () => {
  const { page, close } = await open();
  await signIn(page, "sk-sluice-wrong");
  await page.getByRole("alert").filter({ hasText: /key/i }).waitFor();
  await signIn(page);
  await close();
});

test("an answer is text, never markup", async () => {
  const { page, close } = await open();
  await signIn(page);
  await ask(page, "reciter", "<img src=x onerror='window.hurt=1'><script>window.hurt=2</script>");
  await logOf(page).getByText(recited).waitFor();
  assert.equal(await page.evaluate(() => window.hurt), undefined);
  assert.match(await logOf(page).innerText(), /<img src=x/);
  await close();
});

for (const colorScheme of ["light", "dark"]) {
  for (const width of [390, 1200]) {
    test(`fits and can be read: ${colorScheme}, ${width} wide`, async () => {
      const { page, close } = await open({ colorScheme, viewport: { width, height: 800 } });
      await signIn(page);
      await ask(page, "reciter", "What is a sluice?");
      await logOf(page).getByText(recited).waitFor();
      if (pictures) await page.screenshot({ path: `${pictures}/${colorScheme}-${width}.png`, fullPage: true });
      const [inner, scrolls] = await page.evaluate(() => [innerWidth, document.documentElement.scrollWidth]);
      assert.ok(scrolls <= inner, `the page is ${scrolls} wide`);
      // WCAG contrast of the body's text, from what the browser computed.
      const contrast = await page.evaluate(() => {
        const parse = (text) => text.match(/[\d.]+/g).map(Number);
        const light = ([r, g, b]) => [r, g, b].map((c) => c / 255).map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
          .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
        const behind = (element) => {
          for (let e = element; e; e = e.parentElement) {
            const color = parse(getComputedStyle(e).backgroundColor);
            if (color.length < 4 || color[3] > 0) return color;
          }
          return matchMedia("(prefers-color-scheme: dark)").matches ? [18, 18, 18] : [255, 255, 255];
        };
        return [...document.querySelectorAll("body *")]
          .filter((e) => e.childNodes.length && [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()) && e.offsetParent && !e.closest("script, style, option, :disabled"))
          .map((e) => [light(parse(getComputedStyle(e).color)), light(behind(e)), e.tagName + " " + e.innerText.slice(0, 30)])
          .map(([a, b, what]) => [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), what])
          .filter(([ratio]) => ratio < 4.5);
      });
      assert.deepEqual(contrast, [], "text of less than 4.5 : 1");
      await close();
    });
  }
}

test("the head forbids what the page does not need", async () => {
  const reply = await fetch(url);
  const policy = reply.headers.get("content-security-policy");
  assert.match(policy, /default-src 'none'|default-src 'self'/);
  assert.match(policy, /frame-ancestors 'none'/);
  assert.doesNotMatch(policy, /unsafe-eval|unsafe-inline|unsafe-hashes|\*|https?:/);
  assert.equal(reply.headers.get("x-content-type-options"), "nosniff");
  assert.match(reply.headers.get("referrer-policy"), /no-referrer|same-origin/);
});
