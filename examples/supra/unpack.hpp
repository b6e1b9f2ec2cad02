// A file's text, unpacked where it is packed by bzip2 and the program was built with its library.
#pragma once

#include <filesystem>
#include <string>

namespace supra::program {

std::string read_unpacked(const std::filesystem::path& path);

}  // namespace supra::program
