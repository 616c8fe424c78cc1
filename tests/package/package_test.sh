#!/usr/bin/env bash
# What the packages promise, step by step, with Debian's broker in its own configuration directory.
# Run by in_clean_root beside the packages: it installs and purges.
set -euo pipefail
[ -d /run/clean-root ] || { echo "this changes the machine: run it by in_clean_root" >&2; exit 2; }

conf=/etc/mosquitto/conf.d/kv.conf
store=/var/lib/mosquitto/kv
log=/var/log/mosquitto/mosquitto.log
step="before the first step"
trap '[ $? -eq 0 ] || { echo "FAILED: $step"; cat "$log" || true; }' EXIT
step() {
  step=$1
  echo "== $step"
}

# Waits until a command succeeds.
eventually() {
  local deadline=$((SECONDS + 30))
  until "$@" 2>/dev/null; do
    ((SECONDS < deadline)) || { echo "never succeeded: $*"; return 1; }
    read -rt 0.05 <> <(:) || true  # a moment
  done
}
broker() {
  invoke-rc.d mosquitto "$1"
  is_serving
}
is_serving() { eventually mosquitto_pub -t probe -n; }
has_plugin() { [[ "$(request "\$KV/buckets")" == *kv-status:ok* ]]; }
request() { mosquitto_rr -V 5 -q 1 -W 30 -e replies -F '%p %P' -t "$1" -n; }
# Without the plugin a request is a message like any other, and reaches who subscribes to its topic.
has_no_plugin() {
  [ "$(mosquitto_rr -V 311 -q 1 -W 30 -e "\$KV/buckets" -t "\$KV/buckets" -m echo)" = echo ]
}
expect() { # WHAT ACTUAL EXPECTED-PATTERN
  # shellcheck disable=SC2053 # a pattern is what is wanted
  [[ "$2" == $3 ]] || { echo "$1 is '$2', expected '$3'"; return 1; }
}

dpkg --purge mosquitto-plugin-kv mosquitto-kv-tools libmosquittokv-dev libmosquittokv0.1 2>/dev/null || true
# What mosquitto.service does before a start; no systemd runs here.
install -d -o mosquitto -m 740 /run/mosquitto /var/log/mosquitto
# Debian's init script and broker cannot share a pid file: each refuses the one that the other made.
# Without one, the script finds the broker by its program.
sed -i 's/--make-pidfile//; s|--pidfile ${PIDFILE}|--exec ${DAEMON}|' /etc/init.d/mosquitto

step "installed, but not enabled, it changes nothing about the broker"
broker start
dpkg -i mosquitto-plugin-kv_*.deb
expect "the store directory" "$(stat -c '%U:%G %a' "$store")" "mosquitto:mosquitto 700"
broker restart
has_no_plugin
expect "the man page" "$(zcat /usr/share/man/man5/mosquitto_kv.5.gz)" "*plugin_opt_sync_interval*"

step "enabled as the file itself says, it stores"
sed -i 's/^#\([a-z]\)/\1/; s/^plugin /  plugin /' "$conf" # indented, which the broker allows
broker restart
has_plugin
mosquitto_pub -q 1 -t kv/home/lamp -m on
expect "the value" "$(request '$KV/home/get/lamp')" "on kv-status:ok *kv-revision:1 *"

step "the value is there after a restart of the broker"
broker restart
expect "the value" "$(mosquitto_sub -V 5 -t kv/home/lamp -C 1 -W 20 -F '%p %P')" \
  "on kv-op:PUT kv-revision:1 *"

step "an upgrade keeps the configuration and loads the new plugin"
cp "$conf" edited.conf
before=$(pidof mosquitto)
dpkg -i mosquitto-plugin-kv_*.deb
is_serving
expect "the broker is another process" "$([ "$(pidof mosquitto)" != "$before" ] && echo yes)" yes
cmp "$conf" edited.conf
has_plugin

step "removed, it leaves a broker that starts, and the data"
dpkg -r mosquitto-plugin-kv
is_serving
has_no_plugin
expect "the plugin" "$(compgen -G '/usr/lib/*/mosquitto_kv.so' || true)" ""
cmp "$conf.disabled" edited.conf
[ -e "$store/FORMAT" ]

step "installed again, it goes on where it was"
dpkg -i mosquitto-plugin-kv_*.deb
is_serving
expect "the value" "$(request '$KV/home/get/lamp')" "on kv-status:ok *kv-revision:1 *"
cmp "$conf" edited.conf

step "purged, it is gone with its data, and the broker serves"
dpkg --purge mosquitto-plugin-kv
is_serving
expect "what is left" "$(compgen -G "$conf*" || true)$(compgen -G "$store" || true)" ""
[ -d /var/lib/mosquitto ]

if compgen -G "libmosquittokv-dev_*.deb" >/dev/null; then
  step "a program finds, includes and links the client library"
  dpkg -i libmosquittokv*.deb
  mkdir program
  cat >program/CMakeLists.txt <<'CMAKE'
cmake_minimum_required(VERSION 3.25)
project(program CXX)
find_package(mosquitto_kv REQUIRED)
add_executable(program program.cc)
target_link_libraries(program PRIVATE mosquitto_kv::client)
CMAKE
  echo '#include <mosquitto_kv/client.h>
int main() {}' >program/program.cc
  cmake -S program -B program/build >/dev/null
  cmake --build program/build >/dev/null
  ./program/build/program
fi
if compgen -G "mosquitto-kv-tools_*.deb" >/dev/null; then
  step "the tool runs"
  dpkg -i mosquitto-kv-tools_*.deb
  mosquitto_kv --help >/dev/null
fi
invoke-rc.d mosquitto stop
step "done"
