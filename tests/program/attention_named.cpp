// --attention: names, what differs from them, and what is refused with what there is.
#include "../../examples/supra/attention_named.hpp"

#include "io/temporary.hpp"
#include "test.hpp"

using namespace supra;
using program::attention_named;
using supra_test::says;

BOOST_AUTO_TEST_CASE(names) {
  const auto supra = attention_named("supra");
  BOOST_TEST((supra.feature == "relu" && supra.position == "rope"));
  BOOST_TEST((supra.decay == "slopes" && supra.normalizer == "group_norm"));
  BOOST_TEST((supra.map == model::map_kind::dense && supra.shared_map && !supra.qk_norm && !supra.output_gate));
  BOOST_TEST(attention_named("supra-retnet").decay == "retnet");
  BOOST_TEST(attention_named("gated").decay == "per_token");
  const auto best = attention_named("best");
  BOOST_TEST((best.feature == "relu" && best.position == "rope"));
  BOOST_TEST((best.decay == "per_token" && best.normalizer == "rms_norm_gain"));
  BOOST_TEST((best.map == model::map_kind::dense && best.output_gate));
  const auto hybrid = attention_named("hybrid");
  BOOST_TEST((hybrid.window == 128 && best.window == 0 && hybrid.output_gate));
  BOOST_TEST((hybrid.decay == best.decay && hybrid.normalizer == best.normalizer && hybrid.feature == best.feature));
  for (const char* name : {"taylor2", "exp"}) {
    const auto a = attention_named(name);
    BOOST_TEST((a.feature == name && a.position == "rope_before" && a.decay == "per_token" && a.normalizer == "sum"));
  }
}

BOOST_AUTO_TEST_CASE(every_key_changes_its_own_and_no_other) {
  const auto a = attention_named(
      "hedgehog,feature=elu1,position=xpos,decay=learned,normalizer=rms_norm,map=none,shared_map=false,qk_norm=true,"
      "output_gate=true,decay_start=0.25,map_depth=2,map_width=1.5,window=1048576");
  BOOST_TEST((a.feature == "elu1" && a.position == "xpos" && a.decay == "learned" && a.normalizer == "rms_norm"));
  BOOST_TEST((a.map == model::map_kind::none && !a.shared_map && a.qk_norm && a.output_gate && a.decay_start == 0.25));
  BOOST_TEST((a.map_depth == 2 && a.map_width == 1.5 && a.window == 1048576));
  const auto b = attention_named("hedgehog,position=rope_before");
  BOOST_TEST((b.feature == "hedgehog" && b.position == "rope_before" && b.decay == "slopes" && b.normalizer == "sum"));
  BOOST_TEST((b.map == model::map_kind::per_head && b.shared_map && !b.qk_norm && !b.output_gate && b.decay_start == 0));
  BOOST_TEST(!attention_named("best,output_gate=false").output_gate);
  BOOST_TEST(attention_named("supra,decay=none,decay=learned").decay == "learned");
}

BOOST_AUTO_TEST_CASE(what_is_not_known_is_refused_with_what_there_is) {
  const auto refused = [](const std::string& text, const char* why) {
    BOOST_TEST_CONTEXT(text) BOOST_CHECK_EXCEPTION(attention_named(text), io::error, says(why));
  };
  for (const char* name : {"", "magic", "decay=none", ",decay=none", "supra "})
    refused(name, "it is one of supra, supra-retnet, supra-nodecay, gated, learned, hedgehog, elu1, softmax, taylor2, exp, "
                  "best or hybrid");
  refused("supra,colour=red", "found \"colour=red\"; a key is feature, position, decay, normalizer, map, shared_map, qk_norm, "
                              "output_gate, map_depth, map_width, window or decay_start");
  for (const char* bad : {"supra,", "supra,decay", "supra,,decay=none", "supra,decay=none,", "supra, decay=none"})
    refused(bad, "expected key=value");
  refused("supra,decay=", "decay must be none, slopes, retnet, learned or per_token, found \"\"");
  refused("supra,decay=fast", "found \"fast\"");
  refused("supra,output_gate=1", "output_gate must be true or false, found \"1\"");
  for (const char* bad : {"", "x", "0.5x", "-1", "2", "nan", "inf"})
    refused((std::string("supra,decay_start=") + bad).c_str(), "decay_start must be a number from 0");
  refused("supra,map_depth=4", "map_depth must be 1, 2 or 3, found \"4\"");
  for (const char* bad : {"0.4", "4.5", "wide", ""})
    refused((std::string("supra,map_width=") + bad).c_str(), "map_width must be a number from 0.5 to 4");
  for (const char* bad : {"-1", "1048577", "1.5", "1e3", "many", "", "9999999999999999999999"})
    refused((std::string("best,window=") + bad).c_str(), "window must be a whole number from 0 to 1048576");
}

BOOST_AUTO_TEST_CASE(help_names_all) {
  const auto words = program::attention_words();
  for (auto& [name, a] : program::named_attentions()) BOOST_TEST(words.find(name) != words.npos, name);
  for (auto& k : program::attention_keys()) BOOST_TEST(words.find(k.name + "=") != words.npos, k.name);
}
