// What MQTT Explorer does with a bucket, done by the library and the settings that it uses (MQTT.js,
// MQTT 3.1.1, subscriptions to # and $SYS/#). mqtt_explorer.md says what that looks like.
//
//   npm install mqtt
//   node examples/mqtt_explorer.js PORT TOPIC      deletes TOPIC and all below it, as its button does
'use strict';

const mqtt = require('mqtt');

const DEADLINE_MS = 20000;
const tree = new Map(); // topic to value, as the window shows them
let changed = () => {};

// Waits until the tree is as wanted.
function until(isAsWanted, what) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${what}: it never was so`)), DEADLINE_MS);
    changed = () => {
      if (!isAsWanted()) return;
      clearTimeout(timer);
      resolve();
    };
    changed();
  });
}

function show(title) {
  console.log(title);
  for (const [topic, payload] of [...tree].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (!topic.startsWith('$SYS/')) console.log(`  ${topic} = ${payload}`);
  }
}

// The bin icon for a branch: an empty retained message of QoS 0 to the topic, and to it and each one
// below it, if it has a value; 20 ms apart.
async function pressDelete(client, root) {
  const inBranch = (topic) => topic === root || topic.startsWith(`${root}/`);
  for (const topic of [root, ...tree.keys()].filter((each) => inBranch(each) && tree.has(each))) {
    client.publish(topic, '', { qos: 0, retain: true });
    await new Promise((resolve) => { setTimeout(resolve, 20); });
  }
  await until(() => ![...tree.keys()].some(inBranch), 'the branch is gone');
}

async function main(port, root) {
  const client = mqtt.connect(`mqtt://127.0.0.1:${port}`); // MQTT 3.1.1 is what MQTT.js takes by itself
  client.on('message', (topic, payload) => {
    payload.length > 0 ? tree.set(topic, payload.toString()) : tree.delete(topic);
    changed();
  });
  await new Promise((resolve, reject) => { client.on('connect', resolve).on('error', reject); });
  await client.subscribeAsync(['#', '$SYS/#'], { qos: 0 });
  await until(() => [...tree.keys()].some((topic) => topic.startsWith(root)), root);
  show('the window:');

  await pressDelete(client, root);
  show(`after the deletion of ${root}:`);

  // The publish pane asks, and the reply comes up in the tree: below $KV/reply, for this window alone.
  const history = `${root.replace(/^kv\/([^/]+).*/, '$$KV/$1')}/history`;
  const reply = history.replace('$KV/', '$KV/reply/');
  await client.publishAsync(history, '', { qos: 0, retain: false });
  await until(() => tree.has(reply), reply);
  for (const { key, op, value } of JSON.parse(tree.get(reply)).entries) {
    console.log(`history: ${key} = ${value} (${op})`);
  }
  await client.endAsync();
}

main(process.argv[2], process.argv[3]).catch((error) => {
  console.error(error);
  process.exit(1);
});
