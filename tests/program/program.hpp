// The program supra, run through a shell: what it wrote, how it ended, and what it left in a folder.
#pragma once

#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <sstream>
#include <string>

#include "../io/temporary.hpp"
#include "instances/load_model.hpp"
#include "supra/io/file_out.hpp"
#include "supra/io/load_tokenizer.hpp"
#include "supra/model/linearize.hpp"

namespace supra_test {

namespace fs = std::filesystem;

inline std::string program() {
  const char* path = std::getenv("SUPRA_PROGRAM");
#ifdef SUPRA_PROGRAM
  return path ? path : SUPRA_PROGRAM;
#else
  return path ? path : "supra";
#endif
}

inline std::string bytes_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

struct ended {
  int code = 0;  // 128 and more: killed by a signal, as a shell counts
  std::string out, err;
};

// A shell's command, in which $supra is the program.
inline ended shell(const std::string& command) {
  const temporary_folder said;
  const std::string out = (said / "out").string(), err = (said / "err").string();
  supra::io::write_file(said / "command", "supra='" + program() + "'\n" + command + "\n");
  const int status =
      std::system(("sh '" + (said / "command").string() + "' >'" + out + "' 2>'" + err + "' </dev/null").c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), bytes_of(out), bytes_of(err)};
}
inline ended supra(const std::string& arguments) { return shell("exec \"$supra\" " + arguments); }

// Every file and folder below a folder, with its bytes.
inline std::map<std::string, std::string> contents(const fs::path& folder) {
  std::map<std::string, std::string> all;
  for (auto& entry : fs::recursive_directory_iterator(folder))
    all[fs::relative(entry.path(), folder).string()] = entry.is_regular_file() ? bytes_of(entry.path()) : "";
  return all;
}

inline ::supra::model::config tiny_config() {
  ::supra::model::config c;
  c.vocab = 258, c.dim = 16, c.layers = 1, c.heads = c.kv_heads = 2, c.head_dim = 8, c.hidden = 32, c.max_length = 32,
  c.bos = 256, c.eos = 257;
  return c;
}

// A model's folder with the tokenizer of bytes.
inline void make_model(const fs::path& folder, const ::supra::model::config& c, std::uint64_t seed = 1) {
  ::supra::io::save_model<float>(folder, c, ::supra::model::random_values<float>(c, seed));
  ::supra::io::save_tokenizer(::supra::io::bytes_tokenizer(), folder);
}

// Documents of short sentences that follow a seed.
inline std::string made_up_text(std::size_t documents) {
  const char *who[] = {"the cat", "a small dog", "my friend", "the old man"}, *does[] = {"sees", "likes", "finds", "carries"},
             *what[] = {"a ball", "the house", "some bread", "a red hat"};
  std::string text;
  std::uint64_t state = 1;
  const auto choice = [&] { return (state = state * 6364136223846793005u + 1442695040888963407u) >> 62; };
  for (std::size_t i = 0; i < documents; ++i) {
    for (int s = 0; s < 6; ++s) text += std::string(who[choice()]) + " " + does[choice()] + " " + what[choice()] + ". ";
    text += "<|endoftext|>\n";
  }
  return text;
}

}  // namespace supra_test
