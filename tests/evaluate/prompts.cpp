// Prompts as lm-evaluation-harness writes them, from both kinds of lines.
#include "supra/evaluate/prompts.hpp"

#include "../io/temporary.hpp"
#include "test.hpp"

using namespace supra::evaluate;
using supra::io::json;

namespace {
template <class F>
example from(F prompt, const std::string& line) {
  const json row = json::parse(line);
  return prompt(fields(row, "file, line 1"));
}
void same(const example& a, const example& b) {
  BOOST_TEST(a.gold == b.gold);
  BOOST_TEST_REQUIRE(a.requests.size() == b.requests.size());
  for (std::size_t i = 0; i < a.requests.size(); ++i) {
    BOOST_TEST(a.requests[i].context == b.requests[i].context);
    BOOST_TEST(a.requests[i].continuation == b.requests[i].continuation);
  }
  BOOST_TEST((a.characters == b.characters));
}
template <class F>
void refused(F prompt, const std::string& line, const std::string& part) {
  BOOST_CHECK_EXCEPTION(from(prompt, line), supra::io::error, supra_test::says("file, line 1"));
  BOOST_CHECK_EXCEPTION(from(prompt, line), supra::io::error, supra_test::says(part));
}
}  // namespace

BOOST_AUTO_TEST_CASE(arc_lines) {
  const auto e =
      from(arc, R"({"id":"x","question":"Why?","choices":{"text":["so","na\u00efve"],"label":["1","2"]},"answerKey":"2"})");
  BOOST_TEST(e.gold == 1);
  BOOST_TEST(e.requests[1].context == "Question: Why?\nAnswer:");
  BOOST_TEST(e.requests[1].continuation == " na\u00efve");
  BOOST_TEST((e.characters == std::vector<std::int64_t>{2, 5}));
  same(e, from(arc, R"({"query":"Question: Why?","choices":["so","na\u00efve"],"gold":1})"));
  refused(arc, R"({"question":"Why?","choices":{"text":["a","b"],"label":["A","B"]},"answerKey":"C"})", "none of the choices");
  refused(arc, R"({"question":"Why?","choices":{"text":["a","b","c"],"label":["A","B"]},"answerKey":"A"})",
          "3 choices have 2 labels");
  refused(arc, R"({"query":"Why?","choices":["a","b"],"gold":2})", "\"gold\" must be a number from 0 to 1");
  refused(arc, R"({"query":"Why?","choices":["a",3],"gold":0})", "must hold texts alone");
  for (const std::string choices : {R"("a")", "[]", R"(["a"])"})  // of one there is no choice
    refused(arc, R"({"query":"Why?","gold":0,"choices":)" + choices + "}", "list of 2 to 26 texts");
  refused(arc, R"({"question":"Why?","choices":{"text":["a","b"],"label":["A"]},"answerKey":"A"})",
          "\"label\" must be a list of 2 to 26 texts");
  refused(arc, R"({"question":7,"choices":{"text":["a","b"],"label":["A","B"]},"answerKey":"A"})",
          "\"question\" must be a string");
  refused(arc, R"([1])", "expected a JSON object");
}
BOOST_AUTO_TEST_CASE(openbookqa_and_piqa_lines) {
  const auto o =
      from(openbookqa, R"({"question_stem":"Fog is","choices":{"text":["wet","dry"],"label":["A","B"]},"answerKey":"A"})");
  BOOST_TEST(o.requests[0].context == "Fog is");
  same(o, from(openbookqa, R"({"query":"Fog is","choices":["wet","dry"],"gold":0})"));
  const auto p = from(piqa, R"({"goal":"To sew","sol1":"thread","sol2":"hammer","label":0})");
  BOOST_TEST(p.requests[1].context == "Question: To sew\nAnswer:");
  BOOST_TEST(p.requests[1].continuation == " hammer");
  same(p, from(piqa, R"({"query":"Question: To sew\n","choices":["thread","hammer"],"gold":0})"));
  refused(piqa, R"({"goal":"To sew","sol1":"thread","sol2":"hammer","label":2})", "\"label\"");
  refused(piqa, R"({"goal":"To sew","sol1":"thread","label":0})", "\"sol2\" is missing");
}
BOOST_AUTO_TEST_CASE(winogrande_lines) {
  const auto e = from(winogrande, R"({"sentence":"Ann met Bea, so _ smiled. ","option1":"Ann","option2":"Bea","answer":"2"})");
  BOOST_TEST(e.gold == 1);
  BOOST_TEST(e.requests[0].context == "Ann met Bea, so Ann");
  BOOST_TEST(e.requests[1].continuation == " smiled.");
  BOOST_TEST(e.characters.empty());
  same(e, from(winogrande,
               R"({"context_options":["Ann met Bea, so Ann","Ann met Bea, so Bea"],"continuation":"smiled.","gold":1})"));
  refused(winogrande, R"({"context_options":["Ann"],"continuation":"smiled.","gold":0})", "list of 2 to 26 texts");
  refused(winogrande, R"({"sentence":"no blank","option1":"a","option2":"b","answer":"1"})", "has no blank");
  refused(winogrande, R"({"sentence":"a _","option1":"a","option2":"b","answer":""})",
          "\"answer\" must be a number from 1 to 2");
}
BOOST_AUTO_TEST_CASE(hellaswag_lambada_boolq_lines) {
  const auto h =
      from(hellaswag_row,
           R"({"activity_label":"Roofs","ctx_a":"A man sits.","ctx_b":"he IS","endings":["on it.","[step] off"],"label":"1"})");
  BOOST_TEST(h.requests[0].context == "Roofs: A man sits. He is");
  BOOST_TEST(h.requests[1].continuation == "  off");
  BOOST_TEST((h.gold == 1 && h.characters[1] == 4));
  const auto l = from(lambada, R"({"text":"She gave the signs"})");
  BOOST_TEST((l.requests[0].context == "She gave the" && l.requests[0].continuation == " signs"));
  same(l, from(lambada, R"({"context":"She gave the","continuation":"signs"})"));
  refused(lambada, R"({"text":"alone"})", "one word");
  const auto b = from(boolq, R"({"question":"is it","passage":"It is.","label":1})");
  BOOST_TEST(
      (b.gold == 1 && b.requests[0].context == "It is.\nQuestion: is it?\nAnswer:" && b.requests[0].continuation == " no"));
  BOOST_TEST(b.characters.empty());
  same(b, from(boolq, R"({"question":"is it","passage":"It is.","answer":true})"));
}
