// A bucket from Node.js, with MQTT.js alone (npm install mqtt; version 5).
//
//   node examples/node_mqttjs.js [PORT]     a broker with the plugin on 127.0.0.1, default 1883
'use strict';

const mqtt = require('mqtt');

const DEADLINE_MS = 20000;

// What came and was not yet taken; who waits for what has not come.
class Inbox {
  #messages = [];
  #waiting = [];

  put(message) {
    const waiting = this.#waiting.shift();
    waiting ? waiting(message) : this.#messages.push(message);
  }

  take() {
    if (this.#messages.length > 0) return this.#messages.shift();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('nothing came')), DEADLINE_MS);
      this.#waiting.push((message) => { clearTimeout(timer); resolve(message); });
    });
  }
}

const show = (what, { kv }) =>
  console.log(`${what}: ${kv['kv-status']}, revision ${kv['kv-revision'] ?? 'none'}`);
const showEntry = (what, key, { payload, kv }) =>
  console.log(`${what}: ${key} = ${payload} (${kv['kv-op']} ${kv['kv-revision']})`);

async function main(port) {
  const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${port}`, { protocolVersion: 5 });
  const bucket = `node-${process.pid}`;
  const replies = new Inbox();
  const messages = new Inbox();
  client.on('message', (topic, payload, { properties }) => {
    const message = { topic, payload, kv: properties?.userProperties ?? {} };
    (topic === 'replies' ? replies : messages).put(message);
  });

  // Publishes, and returns the replies: entries, and the one that ends them.
  async function request(topic, payload = '', userProperties = undefined) {
    // The Response Topic needs no subscription: replies come to this session alone.
    const properties = { responseTopic: 'replies', ...(userProperties && { userProperties }) };
    await client.publishAsync(topic, payload, { qos: 1, properties });
    const answers = [];
    do answers.push(await replies.take()); while (answers.at(-1).kv['kv-status'] === 'entry');
    return answers;
  }
  const write = async (key, value, options) =>
    (await request(`kv/${bucket}/${key}`, value, options))[0];

  // Keeps the five newest entries of each key. Without this, the first write makes a bucket that keeps one.
  await request(`$KV/${bucket}/admin/create`, JSON.stringify({ history: 5 }));

  show('put', await write('lamp', 'on'));

  await client.subscribeAsync(`kv/${bucket}/lamp`, { qos: 1 }); // get: the retained message
  showEntry('get', 'lamp', await messages.take());
  await client.unsubscribeAsync(`kv/${bucket}/lamp`);

  await client.subscribeAsync(`kv/${bucket}/#`, { qos: 1 }); // watch: the values, then every change

  const compareAndSet = { 'kv-op': 'update', 'kv-expected-revision': '1' };
  show('create', await write('door', 'closed', { 'kv-op': 'create' }));
  show('create again', await write('door', 'closed', { 'kv-op': 'create' }));
  show('compare-and-set', await write('lamp', 'off', compareAndSet));
  show('compare-and-set again', await write('lamp', 'off', compareAndSet));
  show('delete', await write('door', ''));

  for (let i = 0; i < 4; ++i) {
    const change = await messages.take();
    showEntry('watch', change.topic.slice(`kv/${bucket}/`.length), change);
  }
  const history = await request(`$KV/${bucket}/history`); // more than 100: go on with kv-cursor
  history.slice(0, -1).forEach((entry) => showEntry('history', entry.kv['kv-key'], entry));
  const [keys] = await request(`$KV/${bucket}/keys`);
  console.log(`keys: ${keys.payload}`); // JSON
  await client.endAsync();
}

main(process.argv[2] ?? 1883).catch((error) => {
  console.error(error);
  process.exit(1);
});
