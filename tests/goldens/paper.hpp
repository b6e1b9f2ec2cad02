// The paper's own code in float64: logits, loss, every gradient, layer 0's attention and final state.
#pragma once

#include "golden.hpp"

BOOST_AUTO_TEST_SUITE(paper)
namespace {
template <class T> void run() {
  int files = 0;
  for (auto& entry : std::filesystem::directory_iterator(supra_test::golden_dir())) {
    const auto path = entry.path();
    if (!path.filename().string().starts_with("supra_") || path.extension() != ".safetensors") continue;
    ++files;
    const supra::io::safetensors_file golden(path);
    const auto model = supra::io::load_model<T>(path);
    const supra::model::parameter_layout layout(model.config);
    std::vector<double> all(static_cast<std::size_t>(layout.size()));
    supra::io::read_paper(golden, "grad.", model.config, layout, std::span<double>(all));
    supra_test::check_golden<T>(golden, model, path.filename().string(), [&](const auto& t) {
      return std::vector<double>(all.begin() + t.offset, all.begin() + t.offset + t.size);
    });
  }
  BOOST_TEST(files > 0);
}
}  // namespace

BOOST_AUTO_TEST_CASE(in_double) { run<double>(); }
BOOST_AUTO_TEST_CASE(in_float) { run<float>(); }
BOOST_AUTO_TEST_SUITE_END()
