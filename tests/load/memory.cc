#include "tests/load/memory.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <iterator>
#include <numeric>
#include <stdexcept>
#include <string>

namespace kv::testing {
namespace {

constexpr double kKiBPerMiB = 1024;

double ResidentKiB(pid_t process) {
  std::ifstream status("/proc/" + std::to_string(process) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) {
      return std::stod(line.substr(6));
    }
  }
  throw std::runtime_error("no VmRSS of process " + std::to_string(process));
}

// 1, 2 or 5 times a power of ten: so that some five of them make `range`.
double RoundStep(double range) {
  const double power = std::pow(10, std::floor(std::log10(range / 5)));
  const std::array<double, 4> steps{1, 2, 5, 10};
  return power * *std::find_if(steps.begin(), std::prev(steps.end()), [&](double step) {
           return power * step * 6 >= range;
         });
}

// The picture's measures, and where a value stands in it.
struct Plot {
  static constexpr double kWidth = 800;
  static constexpr double kHeight = 320;
  static constexpr double kLeft = 60;
  static constexpr double kRight = 780;
  static constexpr double kTop = 30;
  static constexpr double kBottom = 280;

  double seconds;
  double mebibytes;

  double X(double at) const { return kLeft + (kRight - kLeft) * at / seconds; }
  double Y(double at) const { return kBottom - (kBottom - kTop) * at / mebibytes; }
};

void DrawText(std::ostream& out,
              double x,
              double y,
              const std::string& anchor,
              const std::string& text) {
  out << "<text x=\"" << x << "\" y=\"" << y << "\" text-anchor=\"" << anchor << "\">" << text
      << "</text>\n";
}

void DrawLine(std::ostream& out, double x1, double y1, double x2, double y2) {
  out << "<path d=\"M" << x1 << ' ' << y1 << 'L' << x2 << ' ' << y2 << "\" stroke=\"#ccc\"/>\n";
}

std::string Number(double number) {
  return std::to_string(static_cast<long>(number));
}

// From 0 on, as many as there is room for.
std::vector<double> Marks(double range, double step) {
  std::vector<double> marks(static_cast<std::size_t>(range / step) + 1);
  for (std::size_t i = 0; i < marks.size(); ++i) {
    marks[i] = step * static_cast<double>(i);
  }
  return marks;
}

void DrawAxes(std::ostream& out, const Plot& plot) {
  for (const double at : Marks(plot.mebibytes, RoundStep(plot.mebibytes))) {
    DrawLine(out, Plot::kLeft, plot.Y(at), Plot::kRight, plot.Y(at));
    DrawText(out, Plot::kLeft - 6, plot.Y(at) + 4, "end", Number(at));
  }
  for (const double at : Marks(plot.seconds, std::max(RoundStep(plot.seconds), 1.0))) {
    DrawLine(out, plot.X(at), Plot::kBottom, plot.X(at), Plot::kBottom + 5);
    DrawText(out, plot.X(at), Plot::kBottom + 20, "middle", Number(at));
  }
  DrawText(out, Plot::kLeft, Plot::kTop - 12, "start", "resident memory of the broker, MiB");
  DrawText(out, Plot::kRight, Plot::kBottom + 36, "end", "seconds");
}

}  // namespace

void MemorySeries::Sample(double seconds, std::uint64_t done) {
  samples_.push_back({.seconds = seconds, .done = done, .resident = ResidentKiB(process_)});
}

MemorySeries::Growth MemorySeries::GrowthAfter(std::uint64_t done) const {
  const auto first = std::find_if(
      samples_.begin(), samples_.end(), [&](const auto& sample) { return sample.done >= done; });
  const auto third = std::distance(first, samples_.end()) / 3;
  if (third == 0) {
    throw std::runtime_error("too few samples of the broker's memory");
  }
  const auto mean = [&](auto begin) {
    const auto add = [](double sum, const auto& sample) {
      return sum + sample.resident;
    };
    return std::accumulate(begin, begin + third, 0.0, add) / static_cast<double>(third);
  };
  const double from = mean(first);
  return {.from = from, .by = mean(samples_.end() - third) - from};
}

double MemorySeries::highest() const {
  double highest = 0;
  for (const auto& sample : samples_) {
    highest = std::max(highest, sample.resident);
  }
  return highest;
}

void MemorySeries::WriteCsv(const std::filesystem::path& file) const {
  std::ofstream out(file);
  out << "seconds,operations,rss_kib\n";
  for (const auto& sample : samples_) {
    out << sample.seconds << ',' << sample.done << ',' << static_cast<long>(sample.resident)
        << '\n';
  }
}

void MemorySeries::DrawSvg(const std::filesystem::path& file) const {
  const Plot plot{.seconds = std::max(samples_.back().seconds, 1.0),
                  .mebibytes = highest() / kKiBPerMiB * 1.1};
  std::ofstream out(file);
  out << "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" << Plot::kWidth << "\" height=\""
      << Plot::kHeight << "\" font-family=\"sans-serif\" font-size=\"12\">\n"
      << "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n";
  DrawAxes(out, plot);
  out << "<polyline fill=\"none\" stroke=\"#06c\" stroke-width=\"1.5\" points=\"";
  for (const auto& sample : samples_) {
    out << plot.X(sample.seconds) << ',' << plot.Y(sample.resident / kKiBPerMiB) << ' ';
  }
  out << "\"/>\n</svg>\n";
}

}  // namespace kv::testing
