// A bucket from C, with Eclipse Paho's C client alone (Debian: libpaho-mqtt-dev).
//
//   cc -o paho_c examples/paho_c.c -lpaho-mqtt3c
//   ./paho_c [SERVER]                    default: tcp://127.0.0.1:1883
#include <MQTTClient.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT(string) (string).len, (string).data  // for %.*s

enum {
  kAtLeastOnce = 1,
  kDeadlineMs = 20000
};

static char bucket[32];

static void Fail(const char* what) {
  fprintf(stderr, "paho_c: %s failed\n", what);
  exit(1);
}

// For what the functions of MQTT 5 return.
static void Check(MQTTResponse response, const char* what) {
  const int code = (int)response.reasonCode;
  MQTTResponse_free(response);
  if (code < 0 || code >= 0x80) {
    Fail(what);
  }
}

// For `format` with a %s for the bucket. Good until the next call.
static const char* Topic(const char* format) {
  static char topic[128];
  snprintf(topic, sizeof(topic), format, bucket);
  return topic;
}

static MQTTClient Connect(const char* server, const char* id) {
  MQTTClient client = NULL;
  MQTTClient_createOptions create = MQTTClient_createOptions_initializer;
  create.MQTTVersion = MQTTVERSION_5;
  MQTTClient_connectOptions options = MQTTClient_connectOptions_initializer5;
  MQTTClient_createWithOptions(&client, server, id, MQTTCLIENT_PERSISTENCE_NONE, NULL, &create);
  Check(MQTTClient_connect5(client, &options, NULL, NULL), "connecting");
  return client;
}

static MQTTLenString Property(MQTTClient_message* message, const char* name) {
  MQTTProperties* all = &message->properties;
  const int length = (int)strlen(name);
  for (int i = 0; i < MQTTProperties_propertyCount(all, MQTTPROPERTY_CODE_USER_PROPERTY); ++i) {
    MQTTProperty* user = MQTTProperties_getPropertyAt(all, MQTTPROPERTY_CODE_USER_PROPERTY, i);
    if (user->value.data.len == length &&
        memcmp(user->value.data.data, name, (size_t)length) == 0) {
      return user->value.value;
    }
  }
  return (MQTTLenString){0, ""};
}

// Shows the next message: a change, or a reply. Returns whether another reply is to follow.
static int ShowNext(MQTTClient client, const char* what) {
  char* topic = NULL;
  int length = 0;
  MQTTClient_message* message = NULL;
  MQTTClient_receive(client, &topic, &length, &message, kDeadlineMs);
  if (message == NULL) {
    Fail(what);
  }
  const MQTTLenString status = Property(message, "kv-status");  // replies have one, changes not
  const MQTTLenString key = Property(message, "kv-key");
  const MQTTLenString op = Property(message, "kv-op");
  const MQTTLenString revision = Property(message, "kv-revision");
  const int is_entry = status.len > 0 && key.len > 0;
  if (is_entry || status.len == 0) {
    const char* from_topic = is_entry ? "" : topic + strlen(Topic("kv/%s/"));
    printf("%s: %.*s%s = %.*s (%.*s %.*s)\n",
           what,
           TEXT(key),
           from_topic,
           message->payloadlen,
           (char*)message->payload,
           TEXT(op),
           TEXT(revision));
  } else if (revision.len > 0) {
    printf("%s: %.*s, revision %.*s\n", what, TEXT(status), TEXT(revision));
  } else if (message->payloadlen > 0) {
    printf("%s: %.*s\n", what, message->payloadlen, (char*)message->payload);
  }
  MQTTClient_freeMessage(&message);
  MQTTClient_free(topic);
  return is_entry;
}

static void Add(MQTTClient_message* message,
                enum MQTTPropertyCodes code,
                const char* text,
                const char* value) {
  MQTTProperty property = {.identifier = code};
  property.value.data = (MQTTLenString){(int)strlen(text), (char*)text};
  property.value.value = (MQTTLenString){(int)strlen(value), (char*)value};
  MQTTProperties_add(&message->properties, &property);
}

// Publishes and shows all that is answered. `op` and `revision` may be NULL.
static void Request(MQTTClient client,
                    const char* what,
                    const char* topic,
                    const char* value,
                    const char* op,
                    const char* revision) {
  MQTTClient_message message = MQTTClient_message_initializer;
  message.payload = (void*)value;
  message.payloadlen = (int)strlen(value);
  message.qos = kAtLeastOnce;
  // Needs no subscription: replies come to this session alone.
  Add(&message, MQTTPROPERTY_CODE_RESPONSE_TOPIC, "replies", "");
  if (op != NULL) {
    Add(&message, MQTTPROPERTY_CODE_USER_PROPERTY, "kv-op", op);
  }
  if (revision != NULL) {
    Add(&message, MQTTPROPERTY_CODE_USER_PROPERTY, "kv-expected-revision", revision);
  }
  Check(MQTTClient_publishMessage5(client, topic, &message, NULL), what);
  MQTTProperties_free(&message.properties);
  while (ShowNext(client, what)) {}
}

static void Subscribe(MQTTClient client, const char* filter) {
  Check(MQTTClient_subscribe5(client, filter, kAtLeastOnce, NULL, NULL), filter);
}

int main(int argc, char** argv) {
  const char* server = argc > 1 ? argv[1] : "tcp://127.0.0.1:1883";
  snprintf(bucket, sizeof(bucket), "c-%d", (int)getpid());
  MQTTClient client = Connect(server, bucket);
  MQTTClient watcher = Connect(server, Topic("%s-watcher"));

  // Keeps the five newest entries of each key. Without this, the first write makes a bucket that
  // keeps one.
  Request(client, "bucket", Topic("$KV/%s/admin/create"), "{\"history\": 5}", NULL, NULL);
  Request(client, "put", Topic("kv/%s/lamp"), "on", NULL, NULL);

  Subscribe(client, Topic("kv/%s/lamp"));  // get: the retained message is the newest value
  ShowNext(client, "get");
  MQTTClient_unsubscribe(client, Topic("kv/%s/lamp"));

  Subscribe(watcher, Topic("kv/%s/#"));  // watch: first the values, then every change
  Request(client, "create", Topic("kv/%s/door"), "closed", "create", NULL);
  Request(client, "create again", Topic("kv/%s/door"), "closed", "create", NULL);
  Request(client, "compare-and-set", Topic("kv/%s/lamp"), "off", "update", "1");
  Request(client, "compare-and-set again", Topic("kv/%s/lamp"), "off", "update", "1");
  Request(client, "delete", Topic("kv/%s/door"), "", NULL, NULL);
  for (int i = 0; i < 4; ++i) {
    ShowNext(watcher, "watch");
  }
  // More than 100 entries: go on with the property kv-cursor of the last reply.
  Request(client, "history", Topic("$KV/%s/history"), "", NULL, NULL);
  Request(client, "keys", Topic("$KV/%s/keys"), "", NULL, NULL);
  MQTTClient_disconnect5(watcher, 1000, MQTTREASONCODE_SUCCESS, NULL);
  MQTTClient_disconnect5(client, 1000, MQTTREASONCODE_SUCCESS, NULL);
  MQTTClient_destroy(&watcher);
  MQTTClient_destroy(&client);
  return 0;
}
