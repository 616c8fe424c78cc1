#!/usr/bin/env bash
# A walk through a bucket with Mosquitto's own tools.
#   examples/walkthrough.sh [PORT]       a broker with the plugin on 127.0.0.1, default 1883
# Prints each command, then what it answers.
set -euo pipefail
port=${1:-1883}
bucket=walk-$$
seen=$(mktemp)
trap 'rm -f "$seen"' EXIT

# Prints a command as one would type it.
announce() {
  echo
  echo "# $1"
  shift
  local word line="$"
  for word in "$@"; do
    case "$word" in *[!A-Za-z0-9_/.:=-]*) line+=" '$word'" ;; *) line+=" $word" ;; esac
  done
  echo "$line"
}
# The same, and runs it.
show() {
  announce "$@"
  "${@:2}"
}

pub=(mosquitto_pub -p "$port" -q 1)
# A request from MQTT 5: the reply comes to the topic that -e names, whatever it is.
request=(mosquitto_rr -p "$port" -V 5 -q 1 -W 5 -e replies -F '%p %P')

show "a bucket that keeps five entries of each key; without this, the first write makes one that keeps one" \
  "${request[@]}" -t "\$KV/$bucket/admin/create" -m '{"history": 5}'

show "put: a publish, from any MQTT client" \
  "${pub[@]}" -t "kv/$bucket/lamp/1/state" -m on

show "get: the retained message is the newest value, its revision is a property" \
  mosquitto_sub -p "$port" -V 5 -t "kv/$bucket/lamp/1/state" -C 1 -W 5 -F '%p %P'

watch=(mosquitto_sub -p "$port" -V 5 -q 1 -t "kv/$bucket/#" -C 2 -W 30 -F '%t %p %P')
announce "watch, from now on: first the values, then every change" "${watch[@]}"
"${watch[@]}" >"$seen" &
watcher=$!
until [ -s "$seen" ]; do
  kill -0 "$watcher"  # fails, and so ends this, when the watcher has given up
  read -rt 0.05 <> <(:) || true  # a moment
done

show "compare-and-set: only if revision 1 is the newest" \
  "${request[@]}" -t "kv/$bucket/lamp/1/state" -m off \
  -D publish user-property kv-op update -D publish user-property kv-expected-revision 1

show "the same again is refused, and says what the revision is" \
  "${request[@]}" -t "kv/$bucket/lamp/1/state" -m off \
  -D publish user-property kv-op update -D publish user-property kv-expected-revision 1

wait "$watcher"
echo
echo "# what the watch has printed meanwhile"
cat "$seen"

show "create: only if the key has no value" \
  "${request[@]}" -t "kv/$bucket/lamp/2/state" -m on -D publish user-property kv-op create

show "keys" "${request[@]}" -t "\$KV/$bucket/keys" -n

show "keys of MQTT 3.1.1: the reply comes under \$KV/reply/" \
  mosquitto_rr -p "$port" -V 311 -q 1 -W 5 -t "\$KV/$bucket/keys" -n -e "\$KV/reply/$bucket/keys"

show "delete: an empty payload" \
  "${pub[@]}" -t "kv/$bucket/lamp/1/state" -n

show "get on the request plane tells a deleted key from one that never was" \
  "${request[@]}" -t "\$KV/$bucket/get/lamp/1/state" -n

show "history: every kept entry; the JSON of MQTT 3.1.1 has them all in one reply" \
  mosquitto_rr -p "$port" -V 311 -q 1 -W 5 -t "\$KV/$bucket/history" -n -e "\$KV/reply/$bucket/history"

show "info" "${request[@]}" -t "\$KV/$bucket/info" -n
