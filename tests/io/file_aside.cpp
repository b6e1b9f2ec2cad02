// What killed writers left is removed, and nothing else: not what a live one writes, in this process or another.
#include "test.hpp"

#include <sys/wait.h>

#include <chrono>
#include <csignal>

#include "supra/io/file_out.hpp"
#include "supra/io/mapped_file.hpp"
#include "temporary.hpp"

using namespace supra;

namespace {

void make_old(const std::filesystem::path& file) {
  std::filesystem::last_write_time(file, std::filesystem::file_time_type::clock::now() - std::chrono::hours(25));
}
// All that is aside of `name`, as if it had been left a day ago.
void make_aside_old(const std::filesystem::path& folder, const std::string& name) {
  for (auto& entry : std::filesystem::directory_iterator(folder))
    if (io::is_aside(entry.path().filename().string(), name)) make_old(entry.path());
}

// A process that writes half of a file aside and says so; then it waits to be killed, or to be told to go on.
struct other_writer {
  int told[2], said[2];
  pid_t process;
  explicit other_writer(const std::filesystem::path& path) {
    BOOST_TEST_REQUIRE((::pipe(told) == 0 && ::pipe(said) == 0));
    process = ::fork();
    if (process == 0) {
      char go = 0;
      bool written = false;
      try {
        io::file_out out(path, io::existing::overwrite);
        out.write("another's");
        written = ::write(said[1], "x", 1) == 1 && ::read(told[0], &go, 1) == 1;
        if (written) out.commit();
      } catch (const std::exception&) { written = false; }
      ::_exit(written ? 0 : 1);
    }
    char ready = 0;
    BOOST_TEST_REQUIRE((process > 0 && ::read(said[0], &ready, 1) == 1));
  }
  other_writer(const other_writer&) = delete;
  int ended() {
    int status = 0;
    ::waitpid(process, &status, 0);
    for (int end : {told[0], told[1], said[0], said[1]}) ::close(end);
    return status;
  }
  int go_on() { return ::write(told[1], "x", 1) == 1 ? ended() : -1; }
  int kill() { return ::kill(process, SIGKILL) == 0 ? ended() : -1; }
};

}  // namespace

BOOST_AUTO_TEST_CASE(names_of_files_aside) {
  for (const char* name : {"a.part-1-2", "a.part-4194304-0", "a.part-12-4294967295"}) BOOST_TEST(io::is_aside(name, "a"), name);
  for (const char* name : {"a", "a.part-", "a.part-1", "a.part-1-", "a.part--1", "a.part-1-2-3", "a.part-1-2.txt", "a.part-x-2",
                           "b.part-1-2", "aa.part-1-2", "a.part-1-2 "})
    BOOST_TEST(!io::is_aside(name, "a"), name);
}

BOOST_AUTO_TEST_CASE(only_what_is_left_over_goes) {
  const supra_test::temporary_folder folder;
  const auto there = [&](const char* name) { return std::filesystem::exists(std::filesystem::symlink_status(folder / name)); };
  for (const char* name : {"a.part-1-2", "a.part-3-4", "a.part-x", "a.part-1-2.txt", "b.part-1-2", "real"}) {
    io::write_file(folder / name, "old");
    make_old(folder / name);
  }
  std::ofstream(folder / "a.part-9-10") << "perhaps another machine's, whose lock is not seen here";
  std::filesystem::create_directory(folder / "a.part-5-6");
  std::filesystem::create_symlink("real", folder / "a.part-7-8");
  io::write_file(folder / "a", "new");
  BOOST_TEST((!there("a.part-1-2") && !there("a.part-3-4")));
  for (const char* name : {"a", "a.part-x", "a.part-1-2.txt", "b.part-1-2", "real", "a.part-5-6", "a.part-7-8", "a.part-9-10"})
    BOOST_TEST(there(name), name);
  BOOST_TEST(folder.files() == 8u);
}

BOOST_AUTO_TEST_CASE(a_live_writer_keeps_its_own) {
  const supra_test::temporary_folder folder;
  {
    io::file_out out(folder / "a");
    out.write("mine");
    make_aside_old(folder.path, "a");
    io::write_file(folder / "a", "another's");
    BOOST_TEST(folder.files() == 2u);
  }
  other_writer other(folder / "a");
  make_aside_old(folder.path, "a");
  io::write_file(folder / "a", "mine", io::existing::overwrite);
  BOOST_TEST(folder.files() == 2u);
  BOOST_TEST(other.go_on() == 0);
  BOOST_TEST(io::mapped_file(folder / "a").text() == "another's");
  BOOST_TEST(folder.files() == 1u);
}

BOOST_AUTO_TEST_CASE(what_a_killed_writer_left_goes) {
  const supra_test::temporary_folder folder;
  io::write_file(folder / "a", "old");
  for (int killed = 1; killed <= 3; ++killed) {
    other_writer other(folder / "a");
    BOOST_TEST(WIFSIGNALED(other.kill()));
    BOOST_TEST(folder.files() == 2u);  // not one more each time
    make_aside_old(folder.path, "a");
  }
  BOOST_TEST(io::mapped_file(folder / "a").text() == "old");
  io::write_file(folder / "a", "new", io::existing::overwrite);
  BOOST_TEST(folder.files() == 1u);
}

// Each sweeps while the others open, write and rename theirs.
BOOST_AUTO_TEST_CASE(many_writers_of_one_file_do_not_meet) {
  const supra_test::temporary_folder folder;
  std::vector<pid_t> writers;
  for (int i = 0; i < 4; ++i) {
    writers.push_back(::fork());
    if (writers.back() != 0) continue;
    int failed = 0;
    for (int n = 0; n < 100; ++n) try {
        io::remove_left_over(folder / "a", std::chrono::seconds(0));
        io::write_file(folder / "a", std::to_string(n), io::existing::overwrite);
      } catch (const std::exception&) { ++failed; }
    ::_exit(failed);
  }
  for (auto w : writers) {
    int status = -1;
    BOOST_TEST_REQUIRE(w > 0);
    ::waitpid(w, &status, 0);
    BOOST_TEST(status == 0);
  }
  BOOST_TEST(io::mapped_file(folder / "a").text() == "99");
  BOOST_TEST(folder.files() == 1u);
}
