#!/usr/bin/env bash
# Presence without a will: an ephemeral key lasts as long as the connection that wrote it.
#   examples/presence.sh [PORT]          a broker with the plugin on 127.0.0.1, default 1883
# Ann comes online, and her program dies; whoever watches learns both.
set -euo pipefail
port=${1:-1883}
key=kv/presence/ann-$$
lines=$(mktemp)
trap 'rm -f "$lines"' EXIT

# The watcher: both messages, as they come.
mosquitto_sub -p "$port" -V 5 -q 1 -t "$key" -C 2 -W 30 -F '[%p] %P' >"$lines" &
watcher=$!

# Ann: mosquitto_pub -l stays connected while its input is open.
coproc ann { exec mosquitto_pub -p "$port" -V 5 -q 1 -l -t "$key" -D publish user-property kv-ephemeral true; }
echo online >&"${ann[1]}"
until grep -q 'kv-op:PUT' "$lines"; do
  kill -0 "$watcher"  # fails, and so ends this, when the watcher has given up
  read -rt 0.05 <> <(:) || true  # a moment
done
echo "ann is online:  $(head -n 1 "$lines")"

kill -9 "$ann_PID"  # no DISCONNECT, no will
wait "$watcher"
echo "ann is gone:    $(tail -n 1 "$lines")"
