#include "unpack.hpp"

#include "supra/evaluate/tasks.hpp"
#ifdef SUPRA_WITH_BZIP2
#include <bzlib.h>
#endif

namespace supra::program {

#ifdef SUPRA_WITH_BZIP2
std::string read_unpacked(const std::filesystem::path& path) {
  if (path.extension() != ".bz2") return evaluate::read_plain(path);
  std::error_code failed;
  io::need(std::filesystem::is_regular_file(path, failed), path.string(), ": is no regular file");
  const io::mapped_file file(path);
  constexpr std::size_t piece = 1 << 16;
  const std::size_t most = 64 * file.size() + piece;  // text shrinks to a fourth or so
  std::string out, packed(file.text());
  struct stream : bz_stream {
    stream() : bz_stream{} {}
    ~stream() { BZ2_bzDecompressEnd(this); }
  } s;
  const auto begin = [&] {
    io::need(BZ2_bzDecompressInit(&s, 0, 0) == BZ_OK, path.string(), ": bzip2 cannot begin; is there enough memory?");
  };
  begin();
  s.next_in = packed.data(), s.avail_in = static_cast<unsigned>(packed.size());
  io::need(s.avail_in == packed.size(), path.string(), ": is too large to be unpacked here; unpack it with bunzip2");
  for (int status = BZ_OK; status != BZ_STREAM_END || s.avail_in > 0;) {
    if (status == BZ_STREAM_END) {  // a file may be several streams, one after another
      BZ2_bzDecompressEnd(&s);
      begin();
    }
    const std::size_t before = out.size();
    io::need(before <= most, path.string(), ": unpacks to more than 64 times its size, which no task's file does");
    out.resize(before + piece);
    s.next_out = out.data() + before, s.avail_out = piece;
    status = BZ2_bzDecompress(&s);
    out.resize(before + piece - s.avail_out);
    io::need((status == BZ_OK && (s.avail_in > 0 || out.size() > before)) || status == BZ_STREAM_END, path.string(),
             ": is no whole bzip2 file; fetch it again");
  }
  return out;
}
#else
std::string read_unpacked(const std::filesystem::path& path) { return evaluate::read_plain(path); }
#endif

}  // namespace supra::program
