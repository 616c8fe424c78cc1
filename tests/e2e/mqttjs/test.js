// MQTT.js, the client of Node-RED, browsers and zigbee2mqtt, against a broker with the plugin:
//   node test.js URL     mqtt://127.0.0.1:1883, ws://127.0.0.1:8080, …
'use strict';

const assert = require('node:assert/strict');
const { randomUUID } = require('node:crypto');
const mqtt = require('mqtt');

const url = process.argv[2];
const DEADLINE_MS = 60000;

function withDeadline(promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: nothing came`)), DEADLINE_MS);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

// A connected client whose messages are taken one by one.
class Client {
  static async connect(options) {
    const client = new Client();
    client.inbox = [];
    client.waiting = [];
    client.mqtt = await withDeadline(
      mqtt.connectAsync(url, { reconnectPeriod: 0, ...options }), 'connect');
    client.mqtt.on('message', (topic, payload, packet) => {
      const message = { topic, payload: payload.toString(), packet, kv: kvOf(packet) };
      const next = client.waiting.shift();
      next ? next(message) : client.inbox.push(message);
    });
    return client;
  }

  next() {
    const message = this.inbox.shift();
    return message !== undefined
      ? Promise.resolve(message)
      : withDeadline(new Promise((resolve) => this.waiting.push(resolve)), 'message');
  }

  publish(topic, payload, options) {
    return withDeadline(this.mqtt.publishAsync(topic, payload, { qos: 1, ...options }), topic);
  }

  subscribe(filter, options) {
    return withDeadline(this.mqtt.subscribeAsync(filter, { qos: 1, ...options }), filter);
  }

  // All messages of the reply.
  async request(topic, payload = '', userProperties = undefined) {
    const correlationData = Buffer.from(randomUUID());
    const properties = { responseTopic: 'replies/js', correlationData };
    if (userProperties !== undefined) {
      properties.userProperties = userProperties; // empty, MQTT.js would send nothing at all
    }
    await this.publish(topic, payload, { properties });
    const replies = [];
    do {
      const reply = await this.next();
      assert.equal(reply.topic, 'replies/js');
      assert.deepEqual(reply.packet.properties.correlationData, correlationData);
      replies.push(reply);
    } while (replies.at(-1).kv.status === 'entry');
    return replies;
  }

  end() {
    assert.deepEqual(this.inbox, [], 'messages that nobody expected');
    return withDeadline(this.mqtt.endAsync(), 'end');
  }
}

// The kv- properties without their prefix.
function kvOf(packet) {
  const users = Object.entries(packet.properties?.userProperties ?? {});
  return Object.fromEntries(
    users.filter(([name]) => name.startsWith('kv-')).map(([name, value]) => [name.slice(3), value]));
}

const tests = {
  async 'puts and gets'(client) {
    const [put] = await client.request('kv/js-put/k', 'value', { unit: 'K' });
    assert.equal(put.kv.status, 'ok');
    assert.equal(put.kv.revision, '1');
    const [got] = await client.request('$KV/js-put/get/k');
    assert.equal(got.payload, 'value');
    assert.equal(got.kv.revision, '1');
    assert.equal(got.kv.time, put.kv.time);
    assert.equal(got.packet.properties.userProperties.unit, 'K');
    const [missing] = await client.request('$KV/js-put/get/none');
    assert.equal(missing.kv.status, 'key-not-found');
    assert.notEqual(missing.kv.error, '');
  },

  async 'compares and sets'(client) {
    const [created] = await client.request('kv/js-cas/k', '1', { 'kv-op': 'create' });
    assert.equal(created.kv.status, 'ok');
    const [again] = await client.request('kv/js-cas/k', '1', { 'kv-op': 'create' });
    assert.equal(again.kv.status, 'key-exists');
    const update = { 'kv-op': 'update', 'kv-expected-revision': created.kv.revision };
    const [updated] = await client.request('kv/js-cas/k', '2', update);
    assert.equal(updated.kv.revision, '2');
    const [late] = await client.request('kv/js-cas/k', '3', update);
    assert.equal(late.kv.status, 'wrong-last-revision');
    assert.equal(late.kv.revision, '2');
    // Without a response topic the refusal is a reason code, and the connection stays.
    for (const qos of [1, 2]) {
      await assert.rejects(
        client.publish('kv/js-cas/k', '3', { qos, properties: { userProperties: update } }),
        (error) => error.code === 0x87);
    }
    assert.ok(client.mqtt.connected);
    const [got] = await client.request('$KV/js-cas/get/k');
    assert.equal(got.payload, '2');
  },

  async 'watches'(client) {
    await client.publish('kv/js-watch/a/b', 'before');
    await client.subscribe('kv/js-watch/#');
    const retained = await client.next();
    assert.ok(retained.packet.retain);
    assert.equal(retained.payload, 'before');
    assert.equal(retained.kv.op, 'PUT');
    for (const qos of [0, 1, 2]) {
      await client.publish('kv/js-watch/a/b', `live ${qos}`, { qos, retain: qos === 1 });
      const live = await client.next();
      assert.equal(live.payload, `live ${qos}`);
      assert.ok(!live.packet.retain);
      assert.equal(live.kv.revision, String(qos + 2));
    }
    await client.publish('kv/js-watch/a/b', '');
    const deleted = await client.next();
    assert.equal(deleted.payload, '');
    assert.equal(deleted.kv.op, 'DEL');
    await client.publish('kv/js-watch/a/b', 'short', {
      properties: { userProperties: { 'kv-ttl': '200ms' } },
    });
    assert.equal((await client.next()).payload, 'short');
    const expired = await client.next();
    assert.equal(expired.kv.op, 'PURGE');
    assert.equal(expired.kv.reason, 'expired');
    await withDeadline(client.mqtt.unsubscribeAsync('kv/js-watch/#'), 'unsubscribe');
  },

  async 'reads history, entries, keys and info'(client) {
    for (const value of ['1', '2', '3']) {
      await client.publish('kv/js-history/k', value);
    }
    await client.publish('kv/js-history/other', '4');
    const history = await client.request('$KV/js-history/history', '', { 'kv-limit': '3' });
    assert.deepEqual(history.map((entry) => entry.payload), ['1', '2', '3', '']);
    const end = history.at(-1).kv;
    assert.equal(end.status, 'end');
    assert.equal(end.count, '3');
    const rest = await client.request('$KV/js-history/history', '', { 'kv-cursor': end.cursor });
    assert.deepEqual(rest.map((entry) => entry.payload), ['4', '']);
    assert.equal(rest.at(-1).kv.cursor, undefined);
    const newest = await client.request('$KV/js-history/entries/k');
    assert.deepEqual(newest.map((entry) => entry.payload), ['3', '']);
    const [keys] = await client.request('$KV/js-history/keys');
    assert.deepEqual(JSON.parse(keys.payload), ['k', 'other']);
    const [info] = await client.request('$KV/js-history/info');
    assert.equal(JSON.parse(info.payload).last_revision, 4);
  },

  async 'asks with MQTT 3.1.1 and gets JSON'(client) {
    await client.publish('kv/js-json/k', 'value');
    const older = await Client.connect({ protocolVersion: 4 });
    await older.publish('$KV/js-json/get/k', '');
    const reply = await older.next();
    assert.equal(reply.topic, '$KV/reply/js-json/get/k');
    assert.equal(JSON.parse(reply.payload).value, 'value');
    await older.publish('$KV/js-json/keys', JSON.stringify({ limit: 10 }));
    assert.deepEqual(JSON.parse((await older.next()).payload).keys, ['k']);
    await older.end();
  },
};

async function main() {
  for (const [name, test] of Object.entries(tests)) {
    const client = await Client.connect({ protocolVersion: 5 });
    await test(client);
    await client.end();
    console.log(`ok: ${name}`);
  }
  console.log(`passed: ${Object.keys(tests).length}`);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
