// Drives the page of the web service in Chromium: a refused upload, a clip that plays, and the same clip after a reload.
//
// The test `the_web_service_plays_the_clip_in_a_browser` runs this file. It needs node, Chromium and playwright-core:
//
//   npm install --prefix /tmp/browser playwright-core && KLING_BROWSER=/tmp/browser \
//     cargo test -p kling --all-features --test examples browser
//
// Arguments: the URL of the page, an image, and the file for a screenshot. `CHROMIUM` names the browser's program.

import assert from "node:assert";
import { createRequire } from "node:module";
import { join } from "node:path";

const [url, image, screenshot] = process.argv.slice(2);
// The package is looked up from the working folder, since none belongs into this repository.
const { chromium } = createRequire(join(process.cwd(), "check.mjs"))("playwright-core");
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
});
const page = await browser.newPage({ viewport: { width: 800, height: 900 } });
const errors = [];
page.on("pageerror", (error) => errors.push(String(error)));

async function upload(file) {
  await page.setInputFiles("input[type=file]", file);
  await page.click("button");
}

async function waitForClip() {
  await page.waitForFunction(() => {
    const video = document.querySelector("video");
    return !video.hidden && video.readyState >= 2 && video.currentTime > 0;
  }, undefined, { timeout: 60_000 });
  return page.evaluate(() => document.querySelector("video").src);
}

try {
  await page.goto(url);
  await upload({ name: "broken.jpg", mimeType: "image/jpeg", buffer: Buffer.from("no image") });
  await page.waitForFunction(() => document.querySelector("#status").textContent.includes("no image"));

  await upload(image);
  const clip = await waitForClip();
  await page.screenshot({ path: screenshot });

  await page.reload();
  assert.equal(await waitForClip(), clip);
  assert.deepEqual(errors, []);
} catch (error) {
  await page.screenshot({ path: screenshot });
  throw error;
} finally {
  await browser.close();
}
