// Tasks by name, and their files in a folder.
#include "supra/evaluate/tasks.hpp"

#include "../io/temporary.hpp"
#include "test.hpp"

using namespace supra::evaluate;

namespace {
void write(const std::filesystem::path& path, const std::string& text) { std::ofstream(path, std::ios::binary) << text; }
const std::string line = R"({"query":"Question: Why?","choices":["so","no"],"gold":1})";
}  // namespace

BOOST_AUTO_TEST_CASE(lines_of_a_file) {
  const supra_test::temporary_folder folder;
  write(folder / "arc_easy.jsonl", line + "\r\n\n  \n" + line + "\n" + line);
  const auto& t = task_named("arc_easy");
  BOOST_TEST(load(t, folder.path).size() == 3u);
  BOOST_TEST(load(t, folder.path, 2).size() == 2u);
  write(folder / "arc_easy.jsonl", line + "\n\n" + line.substr(0, 20) + "\n");
  BOOST_CHECK_EXCEPTION(load(t, folder.path), supra::io::error, supra_test::says("arc_easy.jsonl, line 3: not valid JSON"));
  BOOST_TEST(load(t, folder.path, 1).size() == 1u);  // what is not asked for is not read
  write(folder / "arc_easy.jsonl", line + "\n{\"query\":\"\"}\n");
  BOOST_CHECK_EXCEPTION(load(t, folder.path), supra::io::error, supra_test::says("line 2: \"choices\" is missing"));
  write(folder / "arc_easy.jsonl", "\n");
  BOOST_CHECK_EXCEPTION(load(t, folder.path), supra::io::error, supra_test::says("holds no example"));
}
BOOST_AUTO_TEST_CASE(files_that_are_not_there) {
  const supra_test::temporary_folder folder;
  for (auto& t : tasks()) {
    BOOST_TEST(file_of(t, folder.path).empty());
    BOOST_CHECK_EXCEPTION(load(t, folder.path), supra::io::error, supra_test::says(t.files.front()));
  }
  write(folder / "mmlu.jsonl", "{}");
  BOOST_CHECK_EXCEPTION(load(task_named("mmlu"), folder.path), supra::io::error, supra_test::says("mmlu_dev.jsonl beside it"));
  write(folder / "hellaswag_val_full.txt.bz2", "BZh9");
  BOOST_CHECK_EXCEPTION(load(task_named("hellaswag"), folder.path), supra::io::error, supra_test::says("bunzip2"));
  std::filesystem::create_directory(folder / "piqa.jsonl");
  BOOST_CHECK_EXCEPTION(load(task_named("piqa"), folder.path), supra::io::error, supra_test::says("no regular file"));
  BOOST_CHECK_EXCEPTION(task_named("arc"), supra::io::error,
                        supra_test::says("there is no task \"arc\"; tasks are arc_easy, "));
}
BOOST_AUTO_TEST_CASE(each_task_reads_its_kind) {
  const supra_test::temporary_folder folder;
  const std::string question = R"({"question":"Q","subject":"s","choices":["a","b","c","d"],"answer":2})";
  write(folder / "mmlu.jsonl", question + "\n" + question);
  std::string five;
  for (int i = 0; i < 5; ++i) five += question + "\n";
  write(folder / "mmlu_dev.jsonl", five);
  write(folder / "hellaswag_val_full.txt", "A: b\n1\na\nb\nc\nd\n");
  write(folder / "boolq.jsonl", R"({"question":"is it","passage":"It is.","label":1})");
  BOOST_TEST(load(task_named("mmlu"), folder.path).size() == 2u);
  BOOST_TEST(load(task_named("hellaswag"), folder.path).at(0).gold == 1);
  BOOST_TEST(load(task_named("boolq"), folder.path).at(0).requests.size() == 2u);
}
// The whole published files, as far as they are plain.
BOOST_AUTO_TEST_CASE(published_files) {
  if (supra_test::left_out("the published tasks' files")) return;
  const std::map<std::string, std::size_t> sizes = {
      {"arc_easy", 2376}, {"piqa", 1838}, {"winogrande", 1267}, {"openbookqa", 500}, {"lambada_openai", 5153}};
  for (auto& [name, n] : sizes) BOOST_TEST(load(task_named(name), supra_test::data_dir() + "/eval").size() == n, name);
}
