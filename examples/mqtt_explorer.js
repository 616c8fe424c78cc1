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
    if (!topic.startsWith('$')) console.log(`  ${topic} = ${payload}`);
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

// The pane Publish: a request's reply comes up in the tree, below $KV/reply, for this window alone.
async function ask(client, bucket, verb) {
  const reply = `$KV/reply/${bucket}/${verb}`;
  client.publish(`$KV/${bucket}/${verb}`, '', { qos: 0, retain: false });
  await until(() => tree.has(reply), reply);
  return JSON.parse(tree.get(reply));
}

async function main(port, root) {
  const bucket = root.split('/')[1];
  const client = mqtt.connect(`mqtt://127.0.0.1:${port}`); // MQTT 3.1.1 is what MQTT.js takes by itself
  client.on('message', (topic, payload) => {
    payload.length > 0 ? tree.set(topic, payload.toString()) : tree.delete(topic);
    changed();
  });
  await new Promise((resolve, reject) => { client.on('connect', resolve).on('error', reject); });
  await client.subscribeAsync(['#', '$SYS/#'], { qos: 0 });
  await ask(client, bucket, 'info'); // comes behind the values that are there
  show('the window:');

  await pressDelete(client, root);
  show(`after the deletion of ${root}:`);

  for (const { key, op, value } of (await ask(client, bucket, 'history')).entries) {
    console.log(`history: ${key} = ${value} (${op})`);
  }
  await client.endAsync();
}

main(process.argv[2], process.argv[3]).catch((error) => {
  console.error(error);
  process.exit(1);
});
