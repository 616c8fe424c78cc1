// kv-read: receives as fast as a broker sends, and prints, as JSON, how much in what time. Either
// the pages of a request, each asked for when the former is there, or what subscriptions bring.
#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include "bench/cpu_sample.h"
#include "bench/reader.h"
#include "bench/run_main.h"

#include <CLI/CLI.hpp>

namespace kv::bench {
namespace {

using std::chrono::steady_clock;
using testing::Frame;
using Property = std::pair<std::string, std::string>;

constexpr int kStallMilliseconds = 10'000;

struct CommandLine {
  std::uint16_t port = 1883;
  long broker_pid = 0;
  unsigned qos = 1;
  std::string pages;
  std::vector<std::string> properties;
  std::string subscribe;
  unsigned connections = 1;
  std::uint64_t count = 0;
  bool until_closed = false;
};

struct Received {
  std::uint64_t messages = 0;  // entries, of pages
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;
};

void Count(const Frame& frame, Received& received) {
  ++received.packets;
  received.bytes += frame.size;
}

std::string ClientId(unsigned number) {
  return "kv-read-" + std::to_string(getpid()) + "-" + std::to_string(number);
}

std::vector<Property> Split(const std::vector<std::string>& texts) {
  std::vector<Property> properties;
  for (const std::string& text : texts) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos) {
      throw std::runtime_error("--property takes NAME=VALUE");
    }
    properties.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return properties;
}

// Decodes only what does not say of itself that others follow: all but the last of each page.
std::optional<testing::PublishPacket> LastOfPage(const Frame& frame) {
  using std::string_view_literals::operator""sv;
  if (frame.body.find("\0\x09kv-status\0\x05"
                      "entry"sv) != std::string_view::npos) {
    return std::nullopt;
  }
  auto packet = testing::Decode(frame, testing::ProtocolVersion::kMqtt5);
  auto* publish = packet ? std::get_if<testing::PublishPacket>(&*packet) : nullptr;
  if (publish == nullptr || publish->Property("kv-status").value_or("") != "end") {
    throw std::runtime_error("a page was refused: " +
                             (publish ? publish->Property("kv-error").value_or("") : ""));
  }
  return std::move(*publish);
}

// The page's own count, whether its entries came in messages of their own or several in one.
Received ReadPages(Reader& reader, const CommandLine& line) {
  const auto qos = static_cast<std::uint8_t>(line.qos);
  const std::vector<Property> properties = Split(line.properties);
  Received received;
  bool done = false;
  reader.Request(line.pages, qos, properties);
  const auto on_publish = [&](const Frame& frame) {
    Count(frame, received);
    const auto last = LastOfPage(frame);
    if (!last) {
      return;
    }
    received.messages += std::stoull(last->Property("kv-count").value());
    const auto cursor = last->Property("kv-cursor");
    done = !cursor;
    if (cursor) {
      std::vector<Property> next = properties;
      next.emplace_back("kv-cursor", *cursor);
      reader.Request(line.pages, qos, next);
    }
  };
  while (!done) {
    reader.Read(on_publish);
  }
  if (line.count > 0 && received.messages != line.count) {
    throw std::runtime_error("pages brought " + std::to_string(received.messages) + " entries");
  }
  return received;
}

void Watch(int epoll, int file, std::uint64_t name) {
  epoll_event event{.events = EPOLLIN, .data = {.u64 = name}};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, file, &event) != 0) {
    throw std::runtime_error("cannot wait for a file: is standard input a pipe?");
  }
}

// Until so many messages are there, or until standard input is closed.
Received ReadSubscriptions(const std::vector<std::unique_ptr<Reader>>& readers,
                           const CommandLine& line) {
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  for (std::size_t i = 0; i < readers.size(); ++i) {
    Watch(epoll, readers[i]->socket(), i);
    readers[i]->Subscribe(line.subscribe, static_cast<std::uint8_t>(line.qos));
  }
  if (line.until_closed) {
    Watch(epoll, STDIN_FILENO, readers.size());
    std::cout << "subscribing" << std::endl;
  }
  Received received;
  const Reader::OnPublish on_publish = [&received](const Frame& frame) {
    Count(frame, received);
    ++received.messages;
  };
  while (line.until_closed || received.messages < line.count) {
    std::array<epoll_event, 64> events{};
    const int ready = epoll_wait(
        epoll, events.data(), events.size(), line.until_closed ? -1 : kStallMilliseconds);
    if (ready == 0) {
      throw std::runtime_error("nothing came for 10 s, after " + std::to_string(received.messages));
    }
    for (int i = 0; i < ready; ++i) {
      const std::uint64_t name = events.at(static_cast<std::size_t>(i)).data.u64;
      if (name == readers.size()) {
        close(epoll);
        return received;
      }
      readers[name]->Read(on_publish);
    }
  }
  close(epoll);
  return received;
}

Received Run(const CommandLine& line, const std::vector<std::unique_ptr<Reader>>& readers) {
  return line.pages.empty() ? ReadSubscriptions(readers, line) : ReadPages(*readers.front(), line);
}

void Declare(CLI::App& app, CommandLine& line) {
  app.add_option("--port", line.port, "of 127.0.0.1")->capture_default_str();
  app.add_option("--broker-pid", line.broker_pid, "reports its CPU time");
  app.add_option("--qos", line.qos)->check(CLI::Range(0, 1))->capture_default_str();
  auto* pages = app.add_option("--pages", line.pages, "topic of an entries or history request");
  app.add_option("--property", line.properties, "NAME=VALUE of each request")->needs(pages);
  auto* subscribe = app.add_option("--subscribe", line.subscribe, "topic filter")->excludes(pages);
  app.add_option("--connections", line.connections, "that subscribe")->needs(subscribe);
  app.add_option("--count",
                 line.count,
                 "of a subscription: end after so many; of pages: so many "
                 "there must be");
  app.add_flag("--until-closed", line.until_closed, "receive until standard input is closed")
      ->needs(subscribe);
}

int Main(int argc, const char* const* argv) {
  CLI::App app("Receives as fast as a broker sends; prints JSON.", "kv-read");
  CommandLine line;
  Declare(app, line);
  CLI11_PARSE(app, argc, argv);
  if (line.pages.empty() && !line.until_closed && line.count == 0) {
    throw std::runtime_error("--pages, or --subscribe with --count or --until-closed");
  }
  std::vector<std::unique_ptr<Reader>> readers;
  for (unsigned i = 0; i < line.connections; ++i) {
    readers.push_back(std::make_unique<Reader>(line.port, ClientId(i)));
  }
  const CpuSample begin = SampleCpu(line.broker_pid);
  const auto start = steady_clock::now();
  const Received received = Run(line, readers);
  const std::chrono::duration<double> elapsed = steady_clock::now() - start;
  const CpuSample end = SampleCpu(line.broker_pid);
  Json report = {{"seconds", elapsed.count()},
                 {"messages", received.messages},
                 {"messages_per_second", static_cast<double>(received.messages) / elapsed.count()},
                 {"packets", received.packets},
                 {"bytes", received.bytes}};
  report.update(OwnReport(begin, end, elapsed));
  if (line.broker_pid != 0) {
    report["broker"] = BrokerReport(begin, end, line.broker_pid, elapsed, received.messages);
  }
  std::cout << report.dump(2) << '\n';
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace kv::bench

int main(int argc, char** argv) {
  return kv::bench::RunMain("kv-read", [&] { return kv::bench::Main(argc, argv); });
}
