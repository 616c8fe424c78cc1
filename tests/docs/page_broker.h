// The broker that the commands of a page talk to.
#pragma once

#include <cstddef>
#include <string>

#include "tests/docs/places.h"
#include "tests/support/broker_process.h"

namespace kv::testing {

class PageBroker {
 public:
  // Nothing runs yet.
  PageBroker();
  // Stops it. What a sanitizer had to say fails the test.
  ~PageBroker();
  PageBroker(const PageBroker&) = delete;
  PageBroker& operator=(const PageBroker&) = delete;

  // A broker with this configuration that finds nothing of an earlier one. Returns what is wrong,
  // empty if it runs.
  std::string StartAfresh(const std::string& configuration);
  // As systemctl does: `verb` is start, stop or restart.
  std::string Control(const std::string& verb);

  // How many subscriptions it has answered.
  std::size_t Subscriptions() const;

  const Places& places() const { return places_; }

 private:
  std::string Start();

  BrokerProcess process_;
  Places places_;
};

// The configuration that a page begins with.
std::string DefaultConfiguration();

}  // namespace kv::testing
