// The least config.json of a Llama, changed a key at a time.
#pragma once

#include "supra/io/hugging_face_config.hpp"

namespace supra_test {

inline supra::io::json llama() {
  return {{"architectures", supra::io::json::array({"LlamaForCausalLM"})},
          {"vocab_size", 100},
          {"hidden_size", 64},
          {"num_hidden_layers", 2},
          {"num_attention_heads", 4},
          {"intermediate_size", 96}};
}
inline supra::model::config read(const supra::io::json& j) { return supra::io::config_from_hugging_face(j, "f"); }
inline supra::io::json with(supra::io::json j, const std::string& key, const supra::io::json& value) {
  j[key] = value;
  return j;
}

}  // namespace supra_test
