// A consumer of the components: their packages' headers and libraries come with them.
#include <supra/supra.hpp>

#include <Eigen/Core>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sentencepiece_processor.h>

int other_file();

int main() {
  Eigen::Matrix2f m = Eigen::Matrix2f::Identity();
  sentencepiece::SentencePieceProcessor tokenizer;
  auto text = fmt::format("{}", nlohmann::json{m.sum()}.dump());
  return other_file() + (text != "[2.0]") + !tokenizer.Load("no such file").ok() - 1;
}
