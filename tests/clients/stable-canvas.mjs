// @stable-canvas/comfyui-client: over its websocket, and by polling.
// node stable-canvas.mjs ADDRESS PROMPT.json FOLDER
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Client } from "@stable-canvas/comfyui-client";
import WebSocket from "ws";

const [address, promptFile, folder] = process.argv.slice(2);
const prompt = JSON.parse(await readFile(promptFile, "utf8"));

const client = new Client({ api_host: address, WebSocket, clientId: "stable-canvas-test" });
await client.connect();
const steps = [];
const told = await client.enqueue(prompt, { progress: ({ value, max }) => steps.push([value, max]) });
const polled = await client.enqueue_polling(prompt, { polling_ms: 200 });
const samplers = await client.getSamplers();

const saved = [];
for (const { type, data } of [...told.images, ...polled.images]) {
  if (type !== "url") throw new Error(`an image of type ${type}`);
  const name = new URL(data).searchParams.get("filename");
  const answer = await fetch(data);
  if (!answer.ok) throw new Error(`${data}: ${answer.status}`);
  await writeFile(join(folder, name), Buffer.from(await answer.arrayBuffer()));
  saved.push(name);
}
client.close();
console.log(JSON.stringify({ saved, steps, samplers: samplers.length }));
process.exit(0); // the client goes on trying to connect
