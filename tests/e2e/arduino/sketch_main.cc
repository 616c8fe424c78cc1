// Runs the sketch of examples/pubsubclient as an Arduino would, until it prints a line that begins
// with the given text:
//   sketch PORT TEXT
#include <chrono>
#include <cstdlib>
#include <string>

#include "Arduino.h"
#include "PubSubClient.h"

// A sketch is C++ without these two lines.
#include "examples/pubsubclient/pubsubclient.ino"

int main(int argc, char** argv) {
  if (argc != 3) {
    return 2;
  }
  PubSubClient::broker_port = static_cast<std::uint16_t>(std::atoi(argv[1]));
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  setup();
  while (Serial.last_line().rfind(argv[2], 0) != 0) {
    if (std::chrono::steady_clock::now() > deadline) {
      return 1;
    }
    loop();
  }
  return 0;
}
