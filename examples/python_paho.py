#!/usr/bin/env python3
"""A bucket from Python, with paho-mqtt alone (1.6 or 2; Debian: python3-paho-mqtt).

    examples/python_paho.py [PORT]       a broker with the plugin on 127.0.0.1, default 1883
"""
import json
import os
import queue
import sys

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

DEADLINE_S = 20
messages, replies = queue.Queue(), queue.Queue()


def kv(message):
    """The kv- properties of a message, without the prefix."""
    users = getattr(message.properties, "UserProperty", [])
    return {name[3:]: value for name, value in users if name.startswith("kv-")}


def on_message(client, userdata, message):
    (replies if message.topic == "replies" else messages).put(message)


def request(topic, payload="", **options):
    """Publishes, and returns the replies: entries, and the one that ends them."""
    properties = Properties(PacketTypes.PUBLISH)
    properties.ResponseTopic = "replies"  # needs no subscription: replies come to this session alone
    properties.UserProperty = [("kv-" + name.replace("_", "-"), value) for name, value in options.items()]
    client.publish(topic, payload, qos=1, properties=properties)
    answers = [replies.get(timeout=DEADLINE_S)]
    while kv(answers[-1])["status"] == "entry":
        answers.append(replies.get(timeout=DEADLINE_S))
    return answers


def show(what, answer):
    status = kv(answer)
    print(f"{what}: {status['status']}, revision {status.get('revision', 'none')}")


def show_entry(what, key, message):
    entry = kv(message)
    print(f"{what}: {key} = {message.payload.decode()} ({entry['op']} {entry['revision']})")


version = [mqtt.CallbackAPIVersion.VERSION2] if hasattr(mqtt, "CallbackAPIVersion") else []
client = mqtt.Client(*version, protocol=mqtt.MQTTv5)
client.on_message = on_message
client.connect("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 1883)
client.loop_start()
bucket = f"python-{os.getpid()}"

# A bucket that keeps the five newest entries of each key. Without this, the first write makes one that keeps one.
request(f"$KV/{bucket}/admin/create", json.dumps({"history": 5}))

show("put", request(f"kv/{bucket}/lamp", "on")[0])

client.subscribe(f"kv/{bucket}/lamp", qos=1)  # get: the retained message is the newest value
show_entry("get", "lamp", messages.get(timeout=DEADLINE_S))
client.unsubscribe(f"kv/{bucket}/lamp")

client.subscribe(f"kv/{bucket}/#", qos=1)  # watch: first the values, then every change

show("create", request(f"kv/{bucket}/door", "closed", op="create")[0])
show("create again", request(f"kv/{bucket}/door", "closed", op="create")[0])
show("compare-and-set", request(f"kv/{bucket}/lamp", "off", op="update", expected_revision="1")[0])
show("compare-and-set again", request(f"kv/{bucket}/lamp", "off", op="update", expected_revision="1")[0])
show("delete", request(f"kv/{bucket}/door", "")[0])

for _ in range(4):
    change = messages.get(timeout=DEADLINE_S)
    show_entry("watch", change.topic.split("/", 2)[2], change)
for entry in request(f"$KV/{bucket}/history")[:-1]:  # with more than 100, go on with kv-cursor
    show_entry("history", kv(entry)["key"], entry)
print("keys:", request(f"$KV/{bucket}/keys")[0].payload.decode())  # JSON
client.disconnect()
