// Lets a test drive jsforce: one JSON object per line in ({call, args, on, within}), one line out ("=> ...").
// Started with the sandbox's address and, if logins go by OAuth, a client id and a secret.
"use strict";

const jsforce = require("jsforce");
const readline = require("readline");

const [url, clientId, clientSecret] = process.argv.slice(2);
const oauth2 = clientId ? { oauth2: { loginUrl: url, clientId, clientSecret } } : {};
const conn = new jsforce.Connection({ loginUrl: url, version: "59.0", logLevel: "NONE", ...oauth2 });

// "soap.merge" is conn.soap.merge; with `on: "Lead"` a method of conn.sobject("Lead").
async function perform({ call, args, on }) {
  const [room, method] = call.includes(".") ? call.split(".") : [null, call];
  const owner = on ? conn.sobject(on) : room ? conn[room] : conn;
  if (room === "bulk" || room === "bulk2") Object.assign(owner, { pollInterval: 10, pollTimeout: 10000 });
  return owner[method](...args);
}

// All records a stream of records hands out.
async function streamed(wanted) {
  const stream = await perform(wanted);
  return stream.toArray();
}

async function main() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const wanted = JSON.parse(line);
    let said;
    try {
      said = { ok: await (wanted.within === "stream" ? streamed(wanted) : perform(wanted)) };
    } catch (error) {
      const { name, errorCode, data, content } = error;
      said = { error: { message: String(error.message || error), name, errorCode, data: data || content } };
    }
    process.stdout.write(`=> ${JSON.stringify(said)}\n`);
  }
}

main();
