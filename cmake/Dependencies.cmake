# Debian's packages; scripts/setup installs them.
find_package(Threads REQUIRED)
find_package(RocksDB REQUIRED)
find_package(absl REQUIRED)
find_package(nlohmann_json REQUIRED)

find_path(MOSQUITTO_PLUGIN_INCLUDE mosquitto_plugin.h REQUIRED)
find_library(MOSQUITTO_LIBRARY mosquitto REQUIRED)
find_path(PAHO_C_INCLUDE MQTTClient.h REQUIRED)
find_library(PAHO_C_LIBRARY paho-mqtt3c REQUIRED)

find_package(PahoMqttCpp REQUIRED)
find_package(CLI11 REQUIRED)

if(MOSQUITTO_KV_TESTS)
  find_package(GTest REQUIRED)
endif()
if(MOSQUITTO_KV_BENCH)
  find_package(benchmark REQUIRED)
endif()
