// What every test file includes.
#pragma once

#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <iostream>
#include <limits>
#include <string>

namespace supra_test {

// Folder of the large test data, or empty: then the test says in one line what it leaves out.
inline std::string data_dir() {
  const char* dir = std::getenv("SUPRA_DATA_DIR");
  return dir ? dir : "";
}

inline bool left_out(const std::string& what) {
  if (!data_dir().empty()) return false;
  std::cout << "left out (SUPRA_DATA_DIR is not set): " << what << "\n";
  return true;
}

// Folder of the golden numbers.
inline std::string golden_dir() {
  const char* dir = std::getenv("SUPRA_GOLDEN_DIR");
#ifdef SUPRA_GOLDEN_DEFAULT
  return dir ? dir : SUPRA_GOLDEN_DEFAULT;
#else
  return dir ? dir : "tests/golden";
#endif
}

}  // namespace supra_test
