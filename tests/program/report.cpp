#include "test.hpp"

#include "../../examples/supra/report.cpp"

#include "../io/temporary.hpp"

using namespace supra::program;
using namespace supra::program::report;
using supra_test::says;

namespace {

std::string written(const std::string& log) {
  supra_test::temporary_folder folder;
  supra::io::write_file(folder / "log.jsonl", log);
  write_report((folder / "log.jsonl").string(), (folder / "report.html").string());
  BOOST_TEST(folder.files() == 2u);  // nothing is left aside
  const supra::io::mapped_file page(folder / "report.html");
  return {reinterpret_cast<const char*>(page.bytes().data()), page.bytes().size()};
}

bool has(const std::string& page, const std::string& part) { return page.find(part) != page.npos; }

std::size_t occurrences(const std::string& page, const std::string& part) {
  std::size_t n = 0;
  for (std::size_t at = page.find(part); at != page.npos; at = page.find(part, at + part.size())) ++n;
  return n;
}

const std::string teacher_line = R"({"event":"eval","phase":"uptrain","model":"teacher","tokens":0,"loss":1.25})"
                                 "\n";
const std::string swap_line = R"({"event":"eval","phase":"uptrain","model":"student","tag":"swap","tokens":0,"loss":5.5})"
                              "\n";

std::string steps(int n, const std::string& phase = "uptrain") {
  std::string s;
  for (int i = 1; i <= n; ++i) {
    s += fmt::format(R"({{"event":"step","phase":"{}","step":{},"tokens":{},"loss":{},)", phase, i, 100 * i, 1.3 + 2.0 / i);
    s += R"("lr":0.001,"grad_norm":1,"tokens_per_second":900})"
         "\n";
  }
  return s;
}

std::string result(const std::string& student, const std::string& scratch = "null", const std::string& pretraining = "4e7") {
  return R"({"event":"result","teacher_loss":1.25,"swap_loss":5.5,"fit_loss":2.0,"recovered":null,"student_loss":)" + student +
         R"(,"scratch_loss":)" + scratch + R"(,"teacher_tokens":)" + pretraining +
         R"(,"student_tokens":2000000,"seconds":75})"
         "\n";
}

}  // namespace

// A hybrid's branches stand beside the whole: in cards and in the table of evaluations, before the end and after it.
BOOST_AUTO_TEST_CASE(branches_of_a_hybrid_have_their_losses) {
  const std::string end = R"({"event":"eval","phase":"uptrain","model":"student","tag":"end","tokens":2000,"loss":1.5,)"
                          R"("linear_branch_loss":1.7123,"window_branch_loss":1.9456})"
                          "\n";
  const std::string ended = R"({"event":"result","teacher_loss":1.25,"student_loss":1.5,)"
                            R"("linear_branch_loss":1.7123,"window_branch_loss":1.9456})"
                            "\n";
  for (const std::string& last : {std::string(), ended}) {
    const auto page = written(teacher_line + swap_line + steps(3) + end + last);
    for (auto part : {"Its linear branch alone", "Its window alone", "<th>linear branch alone</th>", "1.7123", "1.9456",
                      "1.712", "1.946"})
      BOOST_TEST(has(page, part), part);
  }
  const auto plain = written(teacher_line + swap_line + steps(3) + result("1.5"));
  BOOST_TEST((!has(plain, "branch alone") && !has(plain, "window alone")));
}

// On the page of an evaluation, a folder's name is a model's, or its path where another has that name.
BOOST_AUTO_TEST_CASE(models_of_one_name_are_told_apart) {
  const auto names = [](const char* first, const char* second) {
    record one = {{"model", "a/hybrid"}, {"attention", "x"}}, other = {{"model", "b/hybrid/"}, {"attention", "x"}};
    if (*first) one["branch"] = first;
    if (*second) other["branch"] = second;
    one["beside"] = record::array({other});
    const auto all = evaluated(one);
    BOOST_TEST_REQUIRE(all.size() == 2u);
    return all[0].name + "; " + all[1].name;
  };
  BOOST_TEST(names("", "") == "hybrid; b/hybrid");
  BOOST_TEST(names("linear", "linear") == "hybrid, linear branch alone; b/hybrid, linear branch alone");
  BOOST_TEST(names("window", "") == "hybrid, window branch alone; hybrid");
}

// Heights of the points of all lines of that name, in pixels from the top.
static std::vector<double> heights(const std::string& page, const std::string& name) {
  std::vector<double> all;
  const std::string line = "data-name='" + name + "' points='";
  for (std::size_t at = page.find(line); at != page.npos; at = page.find(line, at + 1)) {
    std::istringstream points(page.substr(at + line.size(), page.find('\'', at + line.size()) - at - line.size()));
    for (std::string point; points >> point;) all.push_back(std::stod(point.substr(point.find(',') + 1)));
  }
  return all;
}

// Steps of a hybrid's linear branch alone lose more: they are a level curve of their own, not the teeth of one.
BOOST_AUTO_TEST_CASE(steps_of_the_linear_branch_are_a_curve_of_their_own) {
  const auto log = [](auto alone) {
    std::string s = teacher_line;
    for (int i = 1; i <= 300; ++i)
      s += fmt::format(R"({{"event":"step","phase":"{}","step":{},"tokens":{},"loss":{},"kl":{},"lr":0.001,"grad_norm":{}{}}})",
                       i <= 100 ? "transfer" : "uptrain", i, 100 * i, alone(i) ? 3 : 2, alone(i) ? 0.75 : 0.25,
                       alone(i) ? 4 : 1, alone(i) ? R"(,"linear_branch_alone":true)" : "") +
           "\n";
    return written(s);
  };
  const auto page = log([](int i) { return i % 3 == 0 || i % 7 == 0; });
  const auto level = [&](const std::string& name) {
    const auto all = heights(page, name);
    BOOST_TEST_REQUIRE(all.size() > 20u, name);
    for (double y : all) BOOST_TEST(y == all.front(), name);
    return all.front();
  };
  for (const std::string what : {"each step", "smoothed"})
    BOOST_TEST(level("its linear branch alone, training, " + what) < level("RNN, training, " + what) - 50);
  for (const std::string phase : {"transfer", "uptrained"})
    BOOST_TEST(heights(page, phase + ", linear branch alone").size() > 20u);
  BOOST_TEST(occurrences(page, "alone, each step' points") == 4u);  // the transfer's errors, divergences, gradients of both
  const auto never = log([](int) { return false; }), always = log([](int) { return true; });
  BOOST_TEST(!has(never, "linear branch alone"));
  BOOST_TEST(!heights(always, "its linear branch alone, training, smoothed").empty());
  BOOST_TEST(heights(always, "RNN, training").empty());
  BOOST_TEST(has(always, "Learning rate"));
}

BOOST_AUTO_TEST_CASE(text_is_escaped_whatever_bytes_it_has) {
  BOOST_TEST(escape("a<b>&\"'") == "a&lt;b&gt;&amp;&quot;&#39;");
  BOOST_TEST(escape("one\ntwo\t") == "one\ntwo\t");
  BOOST_TEST(escape(std::string("\0\x1b\x7f", 3)) == "\u2400\u241b\ufffd");
  BOOST_TEST(escape("é中😀") == "é中😀");
  BOOST_TEST(escape("\xff") == "\ufffd");
  BOOST_TEST(escape("\xc3") == "\ufffd");  // cut off
  BOOST_TEST(escape("\xe4\xb8x") == "\ufffd\ufffdx");
  BOOST_TEST(escape("\xc0\xaf") == "\ufffd\ufffd");                      // longer than needed
  BOOST_TEST(escape("\xed\xa0\x80") == "\ufffd\ufffd\ufffd");            // half of a pair
  BOOST_TEST(escape("\xf4\x90\x80\x80") == "\ufffd\ufffd\ufffd\ufffd");  // beyond U+10FFFF
  BOOST_TEST(escape("\u202eabc") ==
             "\ufffd"
             "abc");  // would turn the page's text around
}

BOOST_AUTO_TEST_CASE(numbers_are_written_as_people_do) {
  BOOST_TEST(count_text(0) == "0");
  BOOST_TEST(count_text(950) == "950");
  BOOST_TEST(count_text(999'999) == "1M");
  BOOST_TEST(count_text(1'234'567) == "1.23M");
  BOOST_TEST(count_text(200'000) == "200k");
  BOOST_TEST(count_text(missing) == "–");
  BOOST_TEST(bytes_text(65'536) == "65.5 kB");
  BOOST_TEST(short_time_text(2.5e-3) == "2.5 ms");
  BOOST_TEST(short_time_text(1.5) == "1.5 s");
  BOOST_TEST(time_text(612.3) == "10 min 12 s");
  BOOST_TEST(time_text(1e300) == "–");
  BOOST_TEST(percent_text(0.05) == "5.0%");
  BOOST_TEST(value_text(record(1'234'567)) == "1,234,567");
  BOOST_TEST(value_text(record(-1234)) == "-1,234");
  BOOST_TEST(value_text(record(-123)) == "-123");
  BOOST_TEST(value_text(record(999)) == "999");
}

BOOST_AUTO_TEST_CASE(ticks_are_few_round_and_inside) {
  for (const auto& [low, high] : {std::pair{0.0, 1.0}, {-3.0, 17.0}, {1.2, 1.3}, {0.0, 3e-4}, {0.0, 7e9}, {1e-9, 2e-9}})
    for (const int wanted : {4, 8}) {
      const auto all = linear_ticks(low, high, wanted);
      BOOST_TEST(all.size() >= 2u);
      BOOST_TEST(all.size() <= static_cast<std::size_t>(wanted) + 1);
      for (const double v : all) BOOST_TEST((v >= low - 1e-6 * (high - low) && v <= high + 1e-6 * (high - low)));
    }
  for (const auto& [low, high] : {std::pair{1.0, 1.5}, {0.4, 5.0}, {64.0, 16384.0}, {1.0, 1e12}}) {
    const auto all = log_ticks(low, high, 6);
    BOOST_TEST(all.size() >= 2u);
    BOOST_TEST(all.size() <= 12u);
    BOOST_TEST(std::is_sorted(all.begin(), all.end()));
  }
}

BOOST_AUTO_TEST_CASE(thinning_keeps_the_peaks_and_smoothing_the_ends) {
  points all;
  for (int i = 0; i < 10'000; ++i) all.push_back({double(i), i == 4321 ? 100.0 : i == 777 ? -5.0 : 1.0});
  const points thin = thinned(all, 100);
  BOOST_TEST(thin.size() <= 200u);
  BOOST_TEST(std::is_sorted(thin.begin(), thin.end(), [](const point& a, const point& b) { return a.x < b.x; }));
  BOOST_TEST(std::count_if(thin.begin(), thin.end(), [](const point& p) { return p.y == 100 || p.y == -5; }) == 2);
  for (auto& p : all) p.y = 3 * p.x + 1;  // a line stays that line
  for (const auto& p : smoothed(all)) BOOST_TEST(p.y == 3 * p.x + 1, boost::test_tools::tolerance(1e-9));
  for (int i = 0; i < 10'000; ++i) all[static_cast<std::size_t>(i)].y = i % 2 ? 2 : 0;
  for (const auto& p : smoothed(all)) BOOST_TEST(std::abs(p.y - 1) < 0.1);  // nor is an end that of a single step
}

BOOST_AUTO_TEST_CASE(losses_before_any_training_do_not_press_the_rest_flat) {
  const auto with_swap = [](double loss) {
    chart c{"losses", "", {"tokens"}, {"loss"}, {}};
    c.lines.push_back({"training", "line student", {{10, 2}, {20, 1.5}}});
    c.lines.push_back({"held out", "held student", {{0, loss}, {0, 2.5}, {20, 1.4}}, true, {"at the swap", "after the fit", ""}});
    choose_scale(c);
    return c;
  };
  const chart far = with_swap(11), near = with_swap(2.9);
  BOOST_TEST((!far.y.log && far.most == 1.1 * 2.5));
  BOOST_TEST(has(draw(far), "at the swap (off the scale)<"));
  BOOST_TEST(has(draw(far), "after the fit<"));
  BOOST_TEST(!has(draw(near), "off the scale"));
}

BOOST_AUTO_TEST_CASE(the_headline_says_what_was_lost) {
  const std::string lost = written(result("1.3"));
  BOOST_TEST(has(lost, "held-out loss is 1.300 beside the teacher’s 1.250 nats per token: "));
  BOOST_TEST(has(lost, "0.050 nats were lost, a perplexity 5.1% higher."));
  BOOST_TEST(has(lost, "It was uptrained on 2M tokens, 5.0% of the teacher’s 40M."));
  BOOST_TEST(has(written(result("1.3", "null", "null")), "how many the teacher was trained on is not known"));
  BOOST_TEST(has(written(result("1.25")), "nothing was lost"));
  BOOST_TEST(has(written(result("1.2")), "0.050 nats lower, which further training"));
  BOOST_TEST(has(written(result("null")), "its training diverged"));
  BOOST_TEST(has(written(result("1.3", "1.45")), "recovers 75% of what the teacher has ahead"));
  BOOST_TEST(has(written(result("1.6", "1.5")), "did worse than starting from nothing"));
  BOOST_TEST(has(written(result("1.3", "1.2")), "nothing to recover"));
}

BOOST_AUTO_TEST_CASE(a_run_that_has_not_ended_shows_what_there_is) {
  const std::string page = written(teacher_line + swap_line + steps(50) + R"({"event":"step","phase":"uptr)");
  BOOST_TEST(has(page, "This run has not ended, and the RNN has not been evaluated yet."));
  BOOST_TEST(has(page, "<b>1.250</b>"));
  BOOST_TEST(has(page, "<b>5.500</b>"));
  BOOST_TEST(has(page, "at the swap, 5.500"));
  BOOST_TEST(has(page, "1 of its lines could not be read"));
  BOOST_TEST(has(page, "RNN, training, smoothed"));
  BOOST_TEST(!has(page, "What they write"));
  BOOST_TEST(!has(page, "Memory and time"));
  BOOST_TEST(!has(page, "own training"));
}

BOOST_AUTO_TEST_CASE(empty_unknown_and_broken_lines_do_no_harm) {
  const std::string odd = R"(
[1]
not json
{"event":7}
{"event":"weather","x":1}
{"event":"step"}
{"event":"eval"}
{"event":"growth"}
{"event":"sample","prompt":3}
{"event":"step","phase":"uptrain","step":1,"tokens":1e308,"loss":1e308}
{"event":"start","settings":[1,{"a":null}]}
)" + std::string(100'000, '[') +
                          "\n";
  for (const auto& log : {std::string(), odd, teacher_line + odd + result("1.3")}) {
    const std::string page = written(log);
    BOOST_TEST(has(page, "</html>"));
    BOOST_TEST(!has(page, "nan"));
    BOOST_TEST(!has(page, "'inf"));
  }
}

BOOST_AUTO_TEST_CASE(numbers_that_are_missing_break_lines_and_make_no_nan) {
  std::string log = teacher_line;
  for (int i = 1; i <= 9; ++i)
    log += fmt::format(R"({{"event":"step","phase":"uptrain","step":{0},"tokens":{0},"loss":{1},"lr":null}})", i,
                       i == 5 ? "null" : "2") +
           "\n";
  log += R"({"event":"growth","model":"student","tokens":[1,2,4,8,16],)"
         R"("state_bytes":[8,8,null,8,8],"seconds_per_token":[0,0,0,0,0]})"
         "\n";
  const std::string page = written(log);
  BOOST_TEST(!has(page, "nan"));
  BOOST_TEST(has(page, "Memory that a text takes"));
  BOOST_TEST(!has(page, "Time for the next token"));  // no logarithm of nothing
  BOOST_TEST(!has(page, "Learning rate"));
  BOOST_TEST(occurrences(page, "data-name='RNN'") == 2u);
}

BOOST_AUTO_TEST_CASE(a_resumed_run_replaces_the_steps_it_repeats) {
  const std::string log = steps(30) + steps(40) + swap_line + swap_line;
  supra_test::temporary_folder folder;
  supra::io::write_file(folder / "log", log);
  const run r = read_log((folder / "log").string());
  BOOST_TEST(r.steps.at("uptrain").size() == 40u);
  BOOST_TEST(r.evaluations.size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_teacher_that_was_followed) {
  const std::string more = R"({"event":"eval","phase":"transfer","model":"student","tag":"transfer","tokens":900,"loss":2.5})"
                           "\n"
                           R"({"event":"step","phase":"uptrain","step":10,"tokens":1000,"loss":0.5,"kl":0.25,"ce":1.75})"
                           "\n"
                           R"({"event":"step","phase":"uptrain","step":11,"tokens":1100,"loss":0.5,"kl":0.125,"ce":1.5})"
                           "\n";
  const std::string page = written(teacher_line + swap_line + steps(9, "transfer") + more);
  for (const char* told :
       {"After the transfer", "after the transfer, 2.500", "Layers beside the teacher’s", "Divergence from the teacher"})
    BOOST_TEST(has(page, told), told);
  supra_test::temporary_folder folder;
  supra::io::write_file(folder / "log", more);
  const run r = read_log((folder / "log").string());
  BOOST_TEST(r.steps.at("uptrain")[0].loss == 1.75);  // the text's, which other runs' losses are, too
  BOOST_TEST(r.steps.at("uptrain")[1].kl == 0.125);
  const std::string plain = written(teacher_line + swap_line + steps(9));
  for (const char* told : {"fter the transfer", "Layers beside", "Divergence"}) BOOST_TEST(!has(plain, told), told);
}

BOOST_AUTO_TEST_CASE(samples_stand_in_order_escaped_without_their_prompt) {
  const std::string student = R"({"event":"sample","model":"student","prompt":"Once <b>","text":"Once <b> there was"})";
  const std::string teacher = R"({"event":"sample","model":"teacher","prompt":"Once <b>","text":" a )"
                              "\xff"
                              R"(<script>\u0007"})";
  const std::string page = written(student + "\n" + teacher + "\n");
  BOOST_TEST(has(page, "<span>Prompt</span>Once &lt;b&gt;</p>"));
  BOOST_TEST(has(page, "<p>there was</p>"));
  BOOST_TEST(has(page, "<p>a \ufffd&lt;script&gt;\u2407</p>"));
  BOOST_TEST(page.find("<h3>Teacher</h3>") < page.find("<h3>RNN, uptrained</h3>"));
  BOOST_TEST(occurrences(page, "<script>") == 1u);  // the page's own
}

BOOST_AUTO_TEST_CASE(growth_is_compared_at_the_longest_text_of_both) {
  const std::string page = written(R"({"event":"growth","model":"teacher","tokens":[64,1024,4096],)"
                                   R"("state_bytes":[1e4,1.6e5,6.4e5],"seconds_per_token":[1e-4,2e-4,8e-4]})"
                                   "\n"
                                   R"({"event":"growth","model":"student","tokens":[64,1024],)"
                                   R"("state_bytes":[2e4,2e4],"seconds_per_token":[1e-4,1e-4]})"
                                   "\n");
  BOOST_TEST(has(page, "At 1.02k tokens the teacher keeps 160 kB, the RNN 20 kB: 8 times less."));
  BOOST_TEST(has(page, "the teacher takes 200 µs, the RNN 100 µs: 2 times less."));
}

BOOST_AUTO_TEST_CASE(the_page_needs_nothing_from_outside) {
  const std::string page = written(teacher_line + swap_line + steps(500) + steps(600, "pretrain") + result("1.3", "1.5"));
  for (const char* outside : {"http:", "https:", "src=", "href=", "@import", "url("}) BOOST_TEST(!has(page, outside), outside);
  BOOST_TEST(has(page, "The teacher’s own training"));
  BOOST_TEST(occurrences(page, "<section>") == occurrences(page, "</section>"));
  BOOST_TEST(occurrences(page, "<svg") == occurrences(page, "</svg>"));
  BOOST_TEST(page.size() < 200'000u);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_read_or_written_is_a_sentence) {
  supra_test::temporary_folder folder;
  const auto absent = (folder / "no.jsonl").string(), to = (folder / "r.html").string();
  BOOST_CHECK_EXCEPTION(write_report(absent, to), supra::io::error, says("no.jsonl"));
  supra::io::write_file(folder / "log", teacher_line);
  const auto inside = (folder / "none" / "r.html").string();
  BOOST_CHECK_EXCEPTION(write_report((folder / "log").string(), inside), supra::io::error, says("cannot create a file beside"));
  write_report((folder / "log").string(), (folder / "r.html").string());
  write_report((folder / "log").string(), (folder / "r.html").string());  // again: replaced
  BOOST_TEST(folder.files() == 2u);
}
