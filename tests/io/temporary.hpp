// A folder for one test's files, removed with it; and the check that an error says what it should.
#pragma once

#include <stdlib.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace supra_test {

struct temporary_folder {
  std::filesystem::path path;
  temporary_folder() {
    std::string name = (std::filesystem::temp_directory_path() / "supra-io-XXXXXX").string();
    if (!::mkdtemp(name.data())) throw std::runtime_error("cannot make a folder for a test");
    path = name;
  }
  temporary_folder(const temporary_folder&) = delete;
  temporary_folder& operator=(const temporary_folder&) = delete;
  ~temporary_folder() { std::filesystem::remove_all(path); }
  std::filesystem::path operator/(const std::string& name) const { return path / name; }
  std::size_t files() const {
    std::size_t n = 0;
    for ([[maybe_unused]] auto& entry : std::filesystem::directory_iterator(path)) ++n;
    return n;
  }
};

// For BOOST_CHECK_EXCEPTION: the sentence contains `part`.
inline auto says(const std::string& part) {
  return [part](const std::exception& e) {
    const bool there = std::string(e.what()).find(part) != std::string::npos;
    if (!there) std::cout << "expected an error with \"" << part << "\", found: " << e.what() << "\n";
    return there;
  };
}

template <class N>
void put(std::string& bytes, N x) {
  char raw[sizeof x];
  std::memcpy(raw, &x, sizeof x);
  bytes.append(raw, sizeof x);
}

// A safetensors file of this header and data.
inline std::string safetensors_bytes(const std::string& header, const std::string& data = "") {
  std::string bytes;
  put(bytes, static_cast<std::uint64_t>(header.size()));
  return bytes + header + data;
}

// Texts between <|endoftext|> of the stories, white space stripped at both ends, the empty ones dropped.
inline std::vector<std::string> first_stories(const std::string& data, std::size_t count) {
  std::ifstream file(data + "/text/tinystories_train_2m.txt", std::ios::binary);
  const std::string all{std::istreambuf_iterator<char>(file), {}}, mark = "<|endoftext|>", space = " \t\n\v\f\r";
  std::vector<std::string> stories;
  for (std::size_t at = 0; at < all.size() && stories.size() < count;) {
    const std::size_t end = std::min(all.find(mark, at), all.size());
    std::string story = all.substr(at, end - at);
    at = end + mark.size();
    story.erase(0, std::min(story.find_first_not_of(space), story.size()));
    story.erase(story.find_last_not_of(space) + 1);
    if (!story.empty()) stories.push_back(story);
  }
  return stories;
}

inline std::span<const std::byte> as_bytes(const std::string& text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

}  // namespace supra_test
