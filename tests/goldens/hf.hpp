// Hugging Face transformers' Llama and Mistral: logits, loss, every gradient.
#pragma once

#include "golden.hpp"

BOOST_AUTO_TEST_SUITE(hf)
namespace {
template <class T> void run() {
  int folders = 0;
  for (auto& entry : std::filesystem::directory_iterator(supra_test::golden_dir())) {
    const auto path = entry.path();
    if (!path.filename().string().starts_with("hf_") || !entry.is_directory()) continue;
    ++folders;
    const supra::io::safetensors_file golden(path / "golden.safetensors");
    supra_test::check_golden<T>(golden, supra::io::load_model<T>(path), path.filename().string(),
                                [&](const auto& t) { return golden.template read<double>("grad." + t.name); });
  }
  BOOST_TEST(folders > 0);
}
}  // namespace

BOOST_AUTO_TEST_CASE(in_double) { run<double>(); }
BOOST_AUTO_TEST_CASE(in_float) { run<float>(); }
BOOST_AUTO_TEST_SUITE_END()
