#include "test.hpp"

#include <sys/stat.h>

#include "supra/io/file_out.hpp"
#include "supra/io/mapped_file.hpp"
#include "temporary.hpp"

using namespace supra;
using supra_test::says;

BOOST_AUTO_TEST_CASE(bytes_are_the_files) {
  const supra_test::temporary_folder folder;
  io::write_file(folder / "a", "some\nbytes");
  io::mapped_file file(folder / "a");
  BOOST_TEST(file.text() == "some\nbytes");
  const io::mapped_file moved = std::move(file);
  BOOST_TEST(moved.text() == "some\nbytes");
  BOOST_TEST(file.size() == 0u);
}

BOOST_AUTO_TEST_CASE(an_empty_file_is_no_bytes) {
  const supra_test::temporary_folder folder;
  io::write_file(folder / "empty", "");
  BOOST_TEST(io::mapped_file(folder / "empty").bytes().empty());
}

BOOST_AUTO_TEST_CASE(what_is_not_a_file_is_refused) {
  const supra_test::temporary_folder folder;
  BOOST_CHECK_EXCEPTION(io::mapped_file(folder / "missing"), io::error, says("No such file"));
  BOOST_CHECK_EXCEPTION(io::mapped_file(folder.path), io::error, says("is a folder"));
  BOOST_TEST_REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  BOOST_CHECK_EXCEPTION(io::mapped_file(folder / "pipe"), io::error, says("must be a file"));
}
