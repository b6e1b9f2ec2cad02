// The frame of every page: one file that needs nothing else.
#pragma once

#include <string>
#include <vector>

#include "style.hpp"
#include "text.hpp"

namespace supra::program::report {

inline std::string document(const std::string& title, const std::string& body, const std::string& more_style = "") {
  std::string s =
      "<!doctype html>\n<html lang=en><head><meta charset=utf-8>"
      "<meta name=viewport content='width=device-width,initial-scale=1'>"
      "<meta name=color-scheme content='light dark'>";
  s += "<title>" + escape(title) + "</title><style>" + style + more_style + "</style></head><body><main>\n" + body;
  return s + "</main><div id=tip role=status></div><script>" + script + "</script></body></html>\n";
}
inline std::string header(const std::string& title, const std::string& headline, const std::vector<std::string>& lines,
                          const std::string& below) {
  std::string s = "<header><h1>" + escape(title) + "</h1><p class=headline>" + escape(headline) + "</p>";
  for (const auto& line : lines)
    if (!line.empty()) s += "<p class=lead>" + escape(line) + "</p>";
  return s + below + "</header>\n";
}

}  // namespace supra::program::report
