#include "supra/io/paper_config.hpp"
#include "temporary.hpp"
#include "test.hpp"

using namespace supra;
using io::json;
using supra_test::says;

namespace {

model::config read(const json& object) {
  model::config c;
  io::read_special_tokens(io::fields(object, "f"), 10, 20, c);
  return c;
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_way_of_naming_them_comes_back) {
  using ids = std::vector<std::int64_t>;
  const auto comes_back = [](const json& object, std::int64_t bos, std::int64_t eos, const ids& more) {
    const auto c = read(object);
    BOOST_TEST((c.bos == bos && c.eos == eos && c.more_eos == more), object);
    json written;
    io::write_special_tokens(c, written);
    const auto again = read(written);
    BOOST_TEST((again.bos == bos && again.eos == eos && again.more_eos == more), written);
  };
  comes_back(json::object(), 10, 20, {});
  comes_back({{"bos_token_id", 3}, {"eos_token_id", 4}}, 3, 4, {});
  comes_back({{"bos_token_id", nullptr}, {"eos_token_id", nullptr}}, -1, -1, {});
  comes_back({{"bos_token_id", json::array({3})}, {"eos_token_id", json::array({4})}}, 3, 4, {});
  comes_back({{"bos_token_id", 3}, {"eos_token_id", json::array({128001, 128008, 128009})}}, 3, 128001, {128008, 128009});
}

BOOST_AUTO_TEST_CASE(what_is_no_id_is_refused) {
  for (const auto& bad : {json::array(), json::array({7, "8"}), json::array({7, 1.5}), json::array({nullptr})})
    for (auto key : {"bos_token_id", "eos_token_id"})
      BOOST_CHECK_EXCEPTION(read({{key, bad}}), io::error, says("must be a token id or a list of them"));
  BOOST_CHECK_EXCEPTION(read({{"eos_token_id", "x"}}), io::error, says("must be an integer"));
}

BOOST_AUTO_TEST_CASE(the_papers_layout_keeps_every_end) {
  model::config c;
  c.vocab = 99, c.dim = 8, c.layers = 1, c.heads = c.kv_heads = 2, c.head_dim = 4, c.hidden = 4, c.more_eos = {9, 5};
  const auto folder = io::config_to_paper_folder(c);
  BOOST_TEST(folder.at("eos_token_id") == json::array({2, 9, 5}));
  auto arguments = folder.at("params_args_dict");
  arguments["eos_token_id"] = folder.at("eos_token_id");
  BOOST_TEST(io::config_from_paper(arguments, "f").more_eos == c.more_eos, boost::test_tools::per_element());
}
