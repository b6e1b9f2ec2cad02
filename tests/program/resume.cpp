#include "path.hpp"

using namespace supra_test;

namespace {

// Killed once a phase has written steps, and resumed, until the end comes; then the weights are those of the run that went
// through.
void kill_and_resume(const std::string& recipe, const std::string& phase, const std::string& more = "") {
  auto& p = made();
  bool killed = false;
  for (int tokens = 16384; !killed && tokens <= 1 << 20; tokens *= 4) {
    const std::string name = recipe + phase + std::to_string(more.size() + 1) + std::to_string(tokens),
                      broken = p.folder / ("broken" + name), through = p.folder / ("through" + name);
    const std::string command = "uptrain --teacher " + p.teacher + " --text " + p.text + " --tokens " + std::to_string(tokens) +
                                " --batch 4 --fit-tokens 1024 --checkpoint-every 2 --recipe " + recipe + more + " --out ";
    const auto kill =
        shell("\"$supra\" " + command + broken + " >/dev/null 2>&1 &\npid=$!\nuntil grep -qs '\"" + phase + "\",\"step\":5,' " +
              broken + "/log.jsonl || ! kill -0 $pid 2>/dev/null; do sleep 0.01; done\n" + "kill -KILL $pid\nwait $pid\n");
    const int all = tokens / 128, transfer = recipe == "distill" ? static_cast<int>(std::lround(0.15 * all)) : 0;
    const std::string last =
        "\"" + phase + "\",\"step\":" + std::to_string(phase == "transfer" ? transfer : all - transfer) + ",";
    killed = kill.code == 128 + 9 && bytes_of(broken + "/log.jsonl").find(last) == std::string::npos &&
             !fs::exists(broken + "/model.safetensors") &&
             fs::exists(broken + "/checkpoint." + phase + ".safetensors") &&
             (phase == "uptrain" || !fs::exists(broken + "/checkpoint.uptrain.safetensors"));
    if (!killed) continue;  // it was further already: the next one takes longer
    std::ofstream(broken + "/log.jsonl", std::ios::app) << "{\"event\": \"st";  // as a crash could leave it
    std::ofstream(broken + "/checkpoint." + phase + ".safetensors.part-1-2") << "half";  // as a kill amid a write does
    for (auto& entry : fs::directory_iterator(broken))  // and this one may have: resumed on another day
      if (entry.path().string().find(".part-") != std::string::npos)
        fs::last_write_time(entry, fs::file_time_type::clock::now() - std::chrono::hours(25));
    path::run(command + broken + " --resume");
    for (auto& entry : fs::directory_iterator(broken))
      BOOST_TEST(entry.path().string().find(".part-") == std::string::npos, entry.path() << " is left");
    path::run(command + through);
    BOOST_TEST(bytes_of(broken + "/model.safetensors") == bytes_of(through + "/model.safetensors"));
    BOOST_TEST(bytes_of(broken + "/config.json") == bytes_of(through + "/config.json"));
    BOOST_TEST(events(broken, "step").size() >=
               events(through, "step").size());  // steps after the last checkpoint are there twice
    const auto result = [](const std::string& folder) {
      auto last = events(folder, "result").back();
      return last.erase("seconds"), last;
    };
    BOOST_TEST(result(through).contains("fit_loss"));
    BOOST_TEST(result(through).contains("transfer_loss") == (recipe == "distill"));
    BOOST_TEST(result(through).contains("linear_branch_loss") == (more.find("window") != more.npos));
    BOOST_TEST(result(broken) == result(through));  // losses of the steps before the break too
    BOOST_TEST(fs::exists(broken + "/report.html"));
    const auto again = bytes_of(broken + "/model.safetensors");  // a finished run resumed is as it was
    path::run(command + broken + " --resume");
    BOOST_TEST(bytes_of(broken + "/model.safetensors") == again);
    BOOST_TEST(result(broken) == result(through));
  }
  BOOST_TEST(killed, "no run was slow enough to be killed");
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_killed_run_resumes_to_the_same_bits) { kill_and_resume("fit", "uptrain"); }
BOOST_AUTO_TEST_CASE(a_killed_transfer_resumes_to_the_same_bits) { kill_and_resume("distill", "transfer"); }
BOOST_AUTO_TEST_CASE(a_killed_distillation_resumes_to_the_same_bits) { kill_and_resume("distill", "uptrain"); }
BOOST_AUTO_TEST_CASE(a_killed_hybrid_resumes_to_the_same_bits) {
  kill_and_resume("distill", "uptrain", " --attention best,window=8");
}
BOOST_AUTO_TEST_CASE(a_hybrid_killed_while_it_transfers_resumes_to_the_same_bits) {
  kill_and_resume("distill", "transfer", " --attention best,window=8");
}
