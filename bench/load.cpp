// Seconds to read a model's file into a float model, beside those to read its bytes and to write as many floats once, both into
// memory that is new each time; the median of several runs in turn. Arguments: the file [runs]. One JSON line.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "supra/io/model_file.hpp"

namespace {

template <class F>
double seconds(F&& f) {
  using clock = std::chrono::steady_clock;
  const auto start = clock::now();
  f();
  return std::chrono::duration<double>(clock::now() - start).count();
}
double median(std::vector<double> times) {
  std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2), times.end());
  return times[times.size() / 2];
}

// What any reader must do at least. The sum keeps both from being left out.
std::uint64_t read_and_write(const std::string& path, std::size_t floats) {
  const supra::io::mapped_file file(path);
  const auto bytes = file.bytes();
  std::uint64_t sum = 0, word;
  for (std::size_t i = 0; i + 8 <= bytes.size(); i += 8) std::memcpy(&word, bytes.data() + i, 8), sum += word;
  const std::vector<float> values(floats, static_cast<float>(sum & 1));
  return sum + static_cast<std::uint64_t>(values[sum % floats]);
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 2) throw std::invalid_argument("expected the path of a model");
  const std::string path = argv[1];
  const int runs = argc > 2 ? std::stoi(argv[2]) : 7;
  const auto floats = supra::io::load_model<float>(path).values.size();  // and the file is in memory from now on
  std::vector<double> load, bound;
  std::uint64_t sum = 0;
  for (int i = 0; i < runs; ++i) {
    bound.push_back(seconds([&] { sum += read_and_write(path, floats); }));
    load.push_back(seconds([&] { sum += supra::io::load_model<float>(path).values.size(); }));
  }
  std::printf("{\"bench\":\"load\",\"floats\":%zu,\"seconds\":%.3f,\"read_and_write_seconds\":%.3f,\"ratio\":%.2f}\n", floats,
              median(load), median(bound), median(load) / median(bound));
  return sum == 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "bench_load: %s\n", error.what());
  return 2;
}
