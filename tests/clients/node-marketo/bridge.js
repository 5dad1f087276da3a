// Lets a test drive node-marketo-rest: one JSON object per line in ({call, args, pages, within}), one line out.
// Started with the sandbox's address, a client id and a secret. Lines of ours begin with "=> ": the client prints too.
"use strict";

const Marketo = require("node-marketo-rest");
const readline = require("readline");

const [url, clientId, clientSecret] = process.argv.slice(2);
const client = new Marketo({
  endpoint: `${url}/rest`,
  identity: `${url}/identity`,
  clientId,
  clientSecret,
  retry: { maxRetries: 2, initialDelay: 1, maxDelay: 2 },
});

// "lead.find" is client.lead.find; the answer, or with `pages` the answers of all pages.
async function perform({ call, args, pages }) {
  const [room, method] = call.includes(".") ? call.split(".") : [null, call];
  const owner = room ? client[room] : client;
  let answer = await owner[method](...args);
  if (!pages) return answer;
  const all = [answer];
  while (answer.nextPage && (answer.moreResult || (answer.moreResult === undefined && answer.nextPageToken))) {
    answer = await answer.nextPage();
    all.push(answer);
  }
  return all;
}

// All records a stream hands out.
function streamed({ within, call, args }) {
  return new Promise((resolve, reject) => {
    const records = [];
    const [room, method] = call.split(".");
    const stream = client.streamify(room, method, args);
    stream.on("data", (record) => records.push(record));
    stream.on("error", reject);
    stream.on("end", () => resolve(records));
  });
}

async function main() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const wanted = JSON.parse(line);
    let said;
    try {
      said = { ok: await (wanted.within === "stream" ? streamed(wanted) : perform(wanted)) };
    } catch (error) {
      said = { error: { message: String(error.message || error), ...(error instanceof Error ? error : {}) } };
    }
    process.stdout.write(`=> ${JSON.stringify(said)}\n`);
  }
}

main();
