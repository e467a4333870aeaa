// comfy-ui-client as its README has it: connect, getImages, saveImages.
// node comfy-ui-client.mjs ADDRESS PROMPT.json FOLDER
import { readFile } from "node:fs/promises";
import { ComfyUIClient } from "comfy-ui-client";

const [address, promptFile, folder] = process.argv.slice(2);
const prompt = JSON.parse(await readFile(promptFile, "utf8"));

const client = new ComfyUIClient(address, "comfy-ui-client-test");
await client.connect();
const images = await client.getImages(prompt);
await client.saveImages(images, folder);
const stats = await client.getSystemStats();
const info = await client.getObjectInfo("KSampler");
await client.interrupt();
await client.disconnect();

const saved = Object.values(images).flat().map(({ image }) => image.filename);
console.log(JSON.stringify({ saved, os: stats.system.os, nodes: Object.keys(info) }));
