// One job through one JavaScript peer, in its default configuration: drivers.mjs PEER submit|wait BASE.
const KEY = process.env.PEER_KEY;
const [peer, action, base] = process.argv.slice(2);

const peers = {
  async fal() {
    const { createFalClient } = await import("@fal-ai/client");
    // The queue's host is fixed in the package: only the origin is changed, and only of that host.
    const to = (url) => String(url).replace("https://queue.fal.run", base);
    const fal = createFalClient({ credentials: KEY, fetch: (url, options) => fetch(to(url), options) });
    if (action === "submit") await fal.queue.submit("maker/app", { input: { prompt: "p" } });
    else await fal.subscribe("maker/app", { input: { prompt: "p" } });
  },
  async replicate() {
    const { default: Replicate } = await import("replicate");
    const client = new Replicate({ auth: KEY, baseUrl: base });
    const prediction = await client.predictions.create({ version: "a".repeat(64), input: { prompt: "p" } });
    if (action === "wait") {
      const done = await client.wait(prediction);
      if (done.status !== "succeeded") throw new Error(done.status);
    }
  },
  async runwayml() {
    const { default: RunwayML } = await import("@runwayml/sdk");
    const client = new RunwayML({ apiKey: KEY, baseURL: base });
    const task = client.imageToVideo.create({
      model: "gen4_turbo", promptImage: "https://example.com/a.jpg", promptText: "p", ratio: "1280:720", duration: 5,
    });
    if (action === "submit") await task;
    else await task.waitForTaskOutput();
  },
};

await peers[peer]();
