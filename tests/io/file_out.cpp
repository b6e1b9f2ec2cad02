#include "test.hpp"

#include <csignal>
#include <sys/resource.h>

#include "supra/io/file_out.hpp"
#include "supra/io/mapped_file.hpp"
#include "temporary.hpp"

using namespace supra;
using supra_test::says;

BOOST_AUTO_TEST_CASE(a_file_appears_only_when_committed) {
  const supra_test::temporary_folder folder;
  {
    io::file_out out(folder / "a");
    out.write("half");
    BOOST_TEST(!std::filesystem::exists(folder / "a"));
  }
  BOOST_TEST(folder.files() == 0u);
  io::file_out out(folder / "a");
  const std::string large(200'000, 'x');
  out.write("start ");
  out.write(large);
  out.write(" end");
  out.commit();
  BOOST_TEST((io::mapped_file(folder / "a").text() == "start " + large + " end"));
  BOOST_TEST(folder.files() == 1u);
}

BOOST_AUTO_TEST_CASE(an_existing_output_is_refused_unless_asked) {
  const supra_test::temporary_folder folder;
  io::write_file(folder / "a", "old");
  BOOST_CHECK_EXCEPTION(io::file_out(folder / "a"), io::error, says("exists already"));
  io::write_file(folder / "a", "new", io::existing::overwrite);
  BOOST_TEST(io::mapped_file(folder / "a").text() == "new");
}

BOOST_AUTO_TEST_CASE(a_file_that_appeared_meanwhile_is_kept) {
  const supra_test::temporary_folder folder;
  io::file_out out(folder / "a");
  out.write("mine");
  io::write_file(folder / "a", "another's");
  BOOST_CHECK_EXCEPTION(out.commit(), io::error, says("exists already"));
  BOOST_TEST(io::mapped_file(folder / "a").text() == "another's");
}

BOOST_AUTO_TEST_CASE(folders_cannot_be_written_and_must_exist) {
  const supra_test::temporary_folder folder;
  BOOST_CHECK_EXCEPTION(io::file_out(folder.path, io::existing::overwrite), io::error, says("is a folder"));
  BOOST_CHECK_EXCEPTION(io::file_out(folder / "no/such"), io::error, says("cannot create a file beside"));
}

BOOST_AUTO_TEST_CASE(a_failed_write_is_a_sentence_and_leaves_the_old_file) {
  const supra_test::temporary_folder folder;
  io::write_file(folder / "a", "old");
  rlimit before;
  BOOST_TEST_REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small = {1000, before.rlim_max};
  BOOST_TEST_REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  bool said = false;
  try {
    io::write_file(folder / "a", std::string(5000, 'x'), io::existing::overwrite);
  } catch (const io::error& e) {
    said = std::string(e.what()).find("unfinished file has been removed") != std::string::npos;
  }
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  BOOST_TEST(said);
  BOOST_TEST(io::mapped_file(folder / "a").text() == "old");
  BOOST_TEST(folder.files() == 1u);
}

BOOST_AUTO_TEST_CASE(a_full_disk_is_named) {
  BOOST_TEST(io::write_failure("f", ENOSPC).find("disk is full") != std::string::npos);
  BOOST_TEST(io::write_failure("f", EIO).find("disk is full") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_link_stays_a_link) {
  supra_test::temporary_folder folder;
  io::write_file(folder / "real", "old");
  std::filesystem::create_symlink(folder / "real", folder / "link");
  io::write_file(folder / "link", "new", io::existing::overwrite);
  BOOST_TEST(std::filesystem::is_symlink(folder / "link"));
  const io::mapped_file f(folder / "real");
  BOOST_TEST(std::string(reinterpret_cast<const char*>(f.bytes().data()), f.bytes().size()) == "new");
}

BOOST_AUTO_TEST_CASE(a_device_is_refused) {
  BOOST_CHECK_EXCEPTION(io::write_file("/dev/null", "x", io::existing::overwrite), io::error, says("is a device or a pipe"));
  BOOST_TEST(std::filesystem::is_character_file("/dev/null"));
}
