// Lets a test drive salesforce-pubsub-api-client: one JSON object per line in ({call, args, count}), one line out.
// Started with the sandbox's address, the Pub/Sub endpoint, a client id and a secret.
"use strict";

const readline = require("readline");

const [loginUrl, pubSubEndpoint, clientId, clientSecret] = process.argv.slice(2);
const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const arrived = [];
let stirred = () => {};
let client;

// What the client's callbacks hand out, kept until the test asks for it.
function take(kind, said) {
  arrived.push({ kind, said });
  stirred();
}

async function next(count) {
  while (arrived.length < count) await new Promise((resolve) => (stirred = resolve));
  return arrived.splice(0, count);
}

const listen = (_subscription, kind, said) => take(kind, said instanceof Error ? plain(said) : said);
const plain = ({ message, code, metadata, cause }) =>
  ({ message, code, trailer: metadata && metadata.get("error-code"), cause: cause && plain(cause) });

const calls = {
  connect: async () => {
    const { default: PubSubApiClient } = await import("salesforce-pubsub-api-client");
    const authType = "oauth-client-credentials";
    client = new PubSubApiClient(
      { authType, loginUrl, clientId, clientSecret, pubSubEndpoint, rejectUnauthorizedSsl: false }, quiet);
    await client.connect();
  },
  subscribe: async (topic, count) => client.subscribe(topic, listen, count),
  subscribeFromEarliestEvent: async (topic, count) => client.subscribeFromEarliestEvent(topic, listen, count),
  subscribeFromReplayId: async (topic, count, id) => client.subscribeFromReplayId(topic, listen, count, id),
  requestAdditionalEvents: async (topic, count) => client.requestAdditionalEvents(topic, count),
  publish: async (...args) => client.publish(...args),
  publishBatch: async (topic, events) => client.publishBatch(topic, events, listen),
  next,
  close: async () => client.close(),
};

const written = (_name, value) => (typeof value === "bigint" ? Number(value) : value);

async function main() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const { call, args } = JSON.parse(line);
    let said;
    try {
      said = { ok: await calls[call](...args) };
    } catch (error) {
      said = { error: plain(error) };
    }
    process.stdout.write(`=> ${JSON.stringify(said, written)}\n`);
  }
  process.exit(0);
}

main();
