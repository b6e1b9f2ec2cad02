// A program compiled for more than the processor has ends with a sentence, before any of its code runs.
#include "processor/sentence.hpp"

#include "program.hpp"
#include "test.hpp"

namespace {
std::string sentence(supra::program::instruction_sets required, supra::program::instruction_sets available) {
  char text[1000];
  return {text, static_cast<std::size_t>(supra::program::missing_sentence(required, available, text, sizeof text))};
}
}  // namespace

#ifdef __x86_64__
BOOST_AUTO_TEST_CASE(what_is_missing) {
  BOOST_TEST(sentence(0, 0) == "");
  BOOST_TEST(sentence(0b101, 0b111) == "");
  const auto one = sentence(0b111, 0b101);
  BOOST_TEST(one.find("with ssse3, which this one lacks") != one.npos, one);
  BOOST_TEST(one.find("preset portable") != one.npos, one);
  const auto some = sentence(0b11100000, 0b10000000);
  BOOST_TEST(some.find("with avx avx2, which") != some.npos, some);
}
BOOST_AUTO_TEST_CASE(a_short_buffer) {
  char text[12] = "...........";
  BOOST_TEST(supra::program::missing_sentence(1, 0, text, 5) == 5);
  BOOST_TEST(std::string(text) == "supra......");
}
BOOST_AUTO_TEST_CASE(it_stops_before_static_objects) {
  const auto e = supra_test::shell(std::string("exec '") + SUPRA_NEEDS_EVERYTHING + "'");
  BOOST_TEST(e.code == 1);
  BOOST_TEST(e.err.find("compiled for a processor with") != e.err.npos, e.err);
}
// A program of the baseline hands over to one for more that lies beside it; one compiled for this machine does not.
BOOST_AUTO_TEST_CASE(the_program_for_more) {
  const supra_test::temporary_folder folder;
  const auto beside = (folder / "supra").string();
  supra::io::write_file(folder / "supra-x86-64-v3", "#!/bin/sh\necho \"$1 was handed over\"\n");
  const auto e =
      supra_test::shell("chmod +x " + beside + "-x86-64-v3 && cp \"$supra\" " + beside + " && exec " + beside + " --help");
  BOOST_TEST(e.code == 0, e.err);
#if defined(SUPRA_PORTABLE) && !defined(__clang__)
  const bool expected = __builtin_cpu_supports("x86-64-v3");
#else
  const bool expected = false;
#endif
  BOOST_TEST((e.out == "--help was handed over\n") == expected, e.out);
}
#ifndef __SANITIZE_ADDRESS__
// valgrind's processor has no AVX-512: the program runs there or says why not, and no instruction ends it.
BOOST_AUTO_TEST_CASE(on_a_lesser_processor) {
  const auto e = supra_test::shell(
      "command -v valgrind || { echo left out: there is no valgrind; exit 0; }\n"
      "exec valgrind -q \"$supra\" --help");
  BOOST_TEST((e.code == 0 || e.err.find("compiled for a processor with") != e.err.npos),
             "ended with " << e.code << ": " << e.err);
  BOOST_TEST(e.code <= 1);
}
#endif
#endif
BOOST_AUTO_TEST_CASE(the_program_runs_here) { BOOST_TEST(supra_test::supra("--help").code == 0); }
