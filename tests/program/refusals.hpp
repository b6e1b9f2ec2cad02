// What is refused: one folder of models and texts for all cases of a program, and what a refusal must say and leave.
#pragma once

#include "program.hpp"
#include "test.hpp"

namespace supra_test {

// One folder for all cases: a teacher, another one, a student, texts.
struct world {
  temporary_folder folder;
  world() {
    make_model(folder / "teacher", tiny_config());
    make_model(folder / "other", tiny_config(), 2);
    auto gone = tiny_config();
    gone.vocab = 300;
    supra::io::save_model<float>(folder / "wide", gone, supra::model::random_values<float>(gone, 1));
    make_model(folder / "student", supra::model::student_config(tiny_config(), {}));
    supra::io::write_file(folder / "text", made_up_text(40));
    supra::io::write_file(folder / "empty", "");
    supra::io::write_file(folder / "white", " \n\t <|endoftext|>  \r\n");
    supra::io::write_file(folder / "short", "one<|endoftext|>two<|endoftext|>three");
    supra::io::write_file(folder / "alone", "the only document is long enough for one sequence, but none is left to hold out");
  }
  std::string bin() const {  // llama2.c's file: dim 4, hidden 4, 1 layer, 2 heads, 258 tokens, length 16
    std::string bytes;
    for (int x : {4, 4, 1, 2, 2, 258, 16}) put(bytes, x);
    for (int i = 0; i < 4 * 258 + 2 * 4 + 4 * 16 + 3 * 16 + 4 + 16 * 2; ++i) put(bytes, 0.01f * static_cast<float>(i % 7));
    return bytes;
  }
  // Arguments in which @name is a path in the folder.
  std::string filled(const std::string& arguments) const {
    std::string r;
    for (char c : arguments) r += c == '@' ? folder.path.string() + "/" : std::string(1, c);
    return r;
  }
};
inline world& here() {
  static world w;
  return w;
}

inline void check_refusal(const ended& e, const std::string& arguments, const std::vector<std::string>& parts) {
  BOOST_TEST(e.code != 0, arguments << ": was accepted");
  BOOST_TEST(e.code < 126, arguments << ": ended with " << e.code);
  for (auto& part : parts) BOOST_TEST(e.err.find(part) != e.err.npos, arguments << ": no \"" << part << "\" in: " << e.err);
  for (auto bad : {"std::", "filesystem error", "what()", "terminate"})
    BOOST_TEST(e.err.find(bad) == e.err.npos, arguments << ": not a sentence: " << e.err);
  BOOST_TEST(e.err.size() > 25u, arguments << ": too short to help: " << e.err);
}
// The program refuses, says all the parts, and changes nothing.
inline void refused(const std::string& arguments, const std::vector<std::string>& parts) {
  const auto before = contents(here().folder.path);
  check_refusal(supra_test::supra(here().filled(arguments)), arguments, parts);
  BOOST_TEST((contents(here().folder.path) == before), arguments << ": changed files");
}
inline void add(const std::string& name, const std::string& bytes) {
  supra::io::write_file(here().folder / name, bytes, supra::io::existing::overwrite);
}

// A command with `flag` and its value instead of its own.
inline std::string with(std::string command, const std::string& flag) {
  const std::string name = flag.substr(0, flag.find(' ')) + " ";
  if (const auto at = command.find(name); at != command.npos) command.erase(at, command.find(' ', at + name.size()) + 1 - at);
  return command + flag;
}

inline const std::string train = " --tokenizer bytes --out @new --tokens 512 --batch 2";
inline const std::string uptrain = "uptrain --teacher @teacher --text @text --out @new --tokens 512 --batch 2 --fit-tokens 64 ";
inline const std::string pretrain =
    "pretrain --text @text --out @new --dim 16 --layers 1 --heads 2 --kv-heads 2 --hidden 32 --seq 32 --tokens 512 --batch 2 ";

}  // namespace supra_test
