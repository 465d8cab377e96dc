// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// .npz files through libzip.  Names and sizes are checked for the whole archive
// before a byte is inflated, so a zip bomb or a name that occurs twice costs
// nothing.

#include "NpySource.h"
#include "quantc/Driver/Npy.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FileSystem.h"
#include <zip.h>

using namespace llvm;

namespace quantc {

namespace {

struct Discard {
  void operator()(zip_file_t *file) const { zip_fclose(file); }
};
using Archive = std::shared_ptr<zip_t>;
using Member = std::unique_ptr<zip_file_t, Discard>;

class MemberSource final : public ByteSource {
public:
  MemberSource(Archive archive, Member member, uint64_t size)
      : ByteSource(size), archive(std::move(archive)),
        member(std::move(member)) {}

  std::optional<Error> read(char *out, size_t count) override {
    while (count) {
      zip_int64_t got = zip_fread(member.get(), out, count);
      if (got <= 0)
        return failure(got);
      out += got;
      count -= size_t(got);
    }
    return std::nullopt;
  }
  /// libzip compares the checksum when it reaches the end.
  std::optional<Error> finish() override {
    char extra;
    zip_int64_t got = zip_fread(member.get(), &extra, 1);
    if (got == 0)
      return std::nullopt;
    return failure(got);
  }

private:
  std::optional<Error> failure(zip_int64_t got) {
    if (got > 0)
      return Error{Status::Refused, "it has more bytes than the archive says"};
    if (got == 0)
      return Error{Status::Refused, "it is truncated"};
    return Error{Status::Refused,
                 std::string("it is damaged: ") +
                     zip_error_strerror(zip_file_get_error(member.get()))};
  }

  Archive archive; // outlives its members
  Member member;
};

struct MemberInfo {
  std::string name; // without .npy
  uint64_t bytes;
};

std::optional<Error> openArchive(StringRef path, Archive &archive) {
  sys::fs::file_status status;
  if (std::error_code code = sys::fs::status(path, status))
    return Error{Status::IO, "cannot read it: " + code.message()};
  if (status.type() != sys::fs::file_type::regular_file)
    return Error{Status::IO, "cannot read it: not a file"};
  int code = 0;
  archive.reset(zip_open(path.str().c_str(), ZIP_RDONLY | ZIP_CHECKCONS, &code),
                [](zip_t *opened) {
                  if (opened)
                    zip_discard(opened);
                });
  if (archive)
    return std::nullopt;
  zip_error_t error;
  zip_error_init_with_code(&error, code);
  scope_exit fini([&] { zip_error_fini(&error); });
  if (code == ZIP_ER_EXISTS)
    return Error{Status::Refused, "a name in it occurs twice"};
  if (code == ZIP_ER_NOZIP)
    return Error{Status::Refused, "it is not a zip file"};
  bool system = code == ZIP_ER_OPEN || code == ZIP_ER_READ;
  return Error{system ? Status::IO : Status::Refused,
               std::string(system ? "cannot read it: " : "it is damaged: ") +
                   zip_error_strerror(&error)};
}

std::optional<Error> listMembers(zip_t *archive, uint64_t maxBytes,
                                 std::vector<MemberInfo> &members) {
  StringSet<> names;
  uint64_t total = 0;
  zip_int64_t count = zip_get_num_entries(archive, 0);
  for (zip_int64_t i = 0; i < count; ++i) {
    zip_stat_t stat;
    constexpr uint64_t kNeeded = ZIP_STAT_NAME | ZIP_STAT_SIZE |
                                 ZIP_STAT_COMP_METHOD |
                                 ZIP_STAT_ENCRYPTION_METHOD;
    if (zip_stat_index(archive, uint64_t(i), ZIP_FL_ENC_RAW, &stat) ||
        (stat.valid & kNeeded) != kNeeded)
      return Error{Status::Refused, "its directory is damaged"};
    StringRef name = stat.name;
    std::string quoted = "'" + name.str() + "' in it ";
    if (!name.consume_back(".npy"))
      return Error{Status::Refused, quoted + "does not end in .npy"};
    if (!names.insert(name).second)
      return Error{Status::Refused, quoted + "occurs twice"};
    if (stat.encryption_method != ZIP_EM_NONE)
      return Error{Status::Refused, quoted + "is encrypted"};
    if (stat.comp_method != ZIP_CM_STORE && stat.comp_method != ZIP_CM_DEFLATE)
      return Error{Status::Refused,
                   quoted + "is compressed otherwise than by deflate"};
    if (stat.size > maxBytes - total)
      return Error{Status::Limit, "its arrays take more than " +
                                      std::to_string(maxBytes) +
                                      " bytes; split the file"};
    total += stat.size;
    members.push_back({name.str(), stat.size});
  }
  return std::nullopt;
}

} // namespace

std::optional<Error> openNpz(StringRef path, uint64_t maxBytes,
                             std::vector<NpzMember> &members) {
  Archive archive;
  std::vector<MemberInfo> infos;
  if (auto error = openArchive(path, archive))
    return about(path, error);
  if (auto error = listMembers(archive.get(), maxBytes, infos))
    return about(path, error);
  for (auto [i, info] : enumerate(infos)) {
    Member member(zip_fopen_index(archive.get(), i, 0));
    if (!member)
      return about((path + ":" + info.name).str(),
                   Error{Status::Refused, std::string("it is damaged: ") +
                                              zip_strerror(archive.get())});
    members.push_back({info.name, std::make_unique<MemberSource>(
                                      archive, std::move(member), info.bytes)});
  }
  return std::nullopt;
}

std::optional<Error> readNpz(StringRef path, std::vector<NamedArray> &arrays,
                             uint64_t maxBytes) {
  std::vector<NpzMember> members;
  if (auto error = openNpz(path, maxBytes, members))
    return error;
  std::vector<NamedArray> read;
  for (NpzMember &member : members) {
    NamedArray named{member.name, Array()};
    if (auto error = readNpy(*member.source, named.array))
      return about((path + ":" + member.name).str(), error);
    read.push_back(std::move(named));
  }
  arrays = std::move(read);
  return std::nullopt;
}

} // namespace quantc
