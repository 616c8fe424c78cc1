#include "tests/docs/page_broker.h"

#include "tests/e2e/kv_broker.h"

namespace kv::testing {

std::string DefaultConfiguration() {
  return "plugin /usr/lib/x86_64-linux-gnu/mosquitto_kv.so\n"
         "plugin_opt_store_path /var/lib/mosquitto/kv\n";
}

PageBroker::PageBroker() : places_(process_.port()) {
  places_.SetLog(process_.directory() / "broker.log");
}

PageBroker::~PageBroker() {
  process_.Stop();
  ExpectNoComplaintOfASanitizer(process_.FullLog());
}

std::string PageBroker::StartAfresh(const std::string& configuration) {
  process_.Stop();
  places_.ForgetBrokers();
  BrokerOptions& options = process_.options();
  options.global_configuration = "set_tcp_nodelay true";  // see KvBroker
  options.configuration = places_.BrokerConfiguration(configuration);
  // What a broker takes for granted while it serves this machine alone.
  options.allow_anonymous = configuration.find("listener ") == std::string::npos;
  return Start();
}

std::string PageBroker::Start() {
  const auto started = process_.Start();
  return started ? "" : "the broker does not start:\n" + started.log;
}

std::string PageBroker::Control(const std::string& verb) {
  if (verb != "start") {
    if (const int status = process_.Stop(); status != 0) {
      return "the broker ended with " + std::to_string(status) + "\n" + process_.Log();
    }
  }
  return verb == "stop" ? "" : Start();
}

std::size_t PageBroker::Subscriptions() const {
  static const std::string kAnswered = "Sending SUBACK to ";
  const std::string log = process_.FullLog();
  std::size_t count = 0;
  for (std::size_t at = log.find(kAnswered); at != std::string::npos;
       at = log.find(kAnswered, at + 1)) {
    ++count;
  }
  return count;
}

}  // namespace kv::testing
