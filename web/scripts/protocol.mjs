/**
 * Writes src/protocol.ts from the server's own models, or with --check says whether it is stale.
 * Needs a Python that has nodeflow: `python` or what PYTHON names.
 */

import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { compile } from "json-schema-to-typescript";

const target = fileURLToPath(new URL("../src/protocol.ts", import.meta.url));
const python = process.env.PYTHON ?? "python";
const printed = execFileSync(python, ["-m", "nodeflow.server.schema"], {
  cwd: fileURLToPath(new URL("../..", import.meta.url)),
  encoding: "utf8",
  maxBuffer: 1 << 26,
});
const schema = JSON.parse(printed);
for (const model of Object.values(schema.$defs)) {
  for (const field of Object.values(model.properties ?? {})) {
    // What may be any value has no type; the compiler would take it for an object.
    if (!["type", "anyOf", "$ref", "enum", "const"].some((key) => key in field)) {
      field.tsType = "unknown";
    }
  }
}
const made = await compile(schema, "Protocol", {
  additionalProperties: false,
  bannerComment:
    "/** What goes over the wire: made by `npm run protocol` from nodeflow/server/protocol.py. */",
  style: { printWidth: 100 },
  unknownAny: true,
});

if (process.argv.includes("--check")) {
  if (made !== readFileSync(target, "utf8")) {
    console.error("src/protocol.ts is stale: run `npm run protocol`");
    process.exit(1);
  }
} else {
  writeFileSync(target, made);
}
