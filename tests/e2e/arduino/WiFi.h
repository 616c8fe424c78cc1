// A network that is always there.
#pragma once

// NOLINTBEGIN(readability-identifier-naming): the names are Arduino's.
enum wl_status_t {
  WL_CONNECTED = 3
};

class HostWiFi {
 public:
  void begin(const char*, const char*) {}
  wl_status_t status() const { return WL_CONNECTED; }
};

inline HostWiFi WiFi;

class WiFiClient {};
// NOLINTEND(readability-identifier-naming)
