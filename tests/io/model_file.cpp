#include "test.hpp"

#include "instances/load_model.hpp"
#include "temporary.hpp"

using namespace supra;
using supra_test::says;

BOOST_AUTO_TEST_CASE(each_kind_is_found_and_comes_back_from_a_folder) {
  const std::string golden = supra_test::golden_dir();
  for (auto [path, kind] : {std::pair{"hf_mistral_gqa", "Hugging Face folder"},
                            {"hf_llama_mha/model.safetensors", "Hugging Face folder"},
                            {"supra_gqa_decay.safetensors", "checkpoint of the paper's code"}}) {
    const auto m = io::load_model<float>(golden + "/" + path);
    BOOST_TEST(m.source == kind);
    const supra_test::temporary_folder folder;
    io::save_model(folder / "out", m.config, m.values);
    const auto again = io::load_model<float>(folder / "out");
    BOOST_TEST((again.values == m.values));
    BOOST_TEST(again.config.linear == m.config.linear);
    BOOST_TEST(again.config.attention.decay == m.config.attention.decay);
  }
}

BOOST_AUTO_TEST_CASE(the_papers_model_in_a_folder) {
  const std::filesystem::path golden = supra_test::golden_dir() + "/supra_gqa_decay.safetensors";
  const io::safetensors_file from(golden);
  const supra_test::temporary_folder folder;
  std::filesystem::copy_file(golden, folder / "model.safetensors");
  const io::json config = {{"architectures", io::json::array({"OpenLMForCausalLM"})},
                           {"params_args_dict", io::parse_json(from.metadata().at("config"), "config")}};
  io::write_file(folder / "config.json", config.dump());
  BOOST_TEST((io::load_model<float>(folder.path).values == io::load_model<float>(golden).values));
}

BOOST_AUTO_TEST_CASE(anything_else_is_one_sentence) {
  const supra_test::temporary_folder folder;
  for (auto name : {"m.pt", "m"}) {
    io::write_file(folder / name, "x");
    BOOST_CHECK_EXCEPTION(io::load_model<float>(folder / name), io::error, says("a model is a folder with config.json"));
  }
  for (auto name : {"m.bin", "m.safetensors"}) {
    io::write_file(folder / name, "x");
    BOOST_CHECK_EXCEPTION(io::load_model<float>(folder / name), io::error, says("starts with"));
  }
  BOOST_CHECK_EXCEPTION(io::load_model<float>(folder / "missing"), io::error, says("there is no file or folder"));
  BOOST_CHECK_EXCEPTION(io::load_model<float>(folder.path), io::error, says("no config.json"));
  BOOST_CHECK_EXCEPTION(io::load_model<float>(supra_test::golden_dir() + "/hf_llama_mha/golden.safetensors"), io::error,
                        says("named by its folder"));
}
